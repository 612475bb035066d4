"""The endpoint picker of a model."""

from tests.support.program import Declared, spec


def test_endpoint_picker_serves_plain_http_and_keeps_kserves_command(dev: Declared) -> None:
    [container] = spec(dev)["router"]["scheduler"]["template"]["containers"]
    assert container == {"name": "main", "args": ["--secure-serving=false"], "image": container["image"]}
