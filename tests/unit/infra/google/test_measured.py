"""What GKE measures of a cluster."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.google.measured import monitoring
from infra.settings.schema import Settings

COLLECTED = {"managed_prometheus": {"enabled": True, "auto_monitoring_config": {"scope": "NONE"}}}


@pytest.mark.parametrize(
    ("scraped", "watched", "told"),
    [
        (False, False, None),
        (True, False, {**COLLECTED, "enable_components": ["SYSTEM_COMPONENTS"]}),
        (True, True, {**COLLECTED, "enable_components": ["SYSTEM_COMPONENTS", "POD", "DEPLOYMENT"]}),
    ],
)
def test_cluster_is_told_what_is_read_of_it_and_what_is_asked(scraped: bool, watched: bool, told: Any) -> None:
    """A stack may be read for another reason than to be watched, and then nobody asks for the state of Pods. System
    metrics are named even so: the provider takes a block that names none as that there are to be none."""
    assert monitoring(cast(Settings, SimpleNamespace(scraped=scraped, monitoring=watched))) == told
