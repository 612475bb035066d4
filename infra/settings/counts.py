"""How many there may be of what a stack file counts."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from . import places
from .scalars import Whole

MAX_NODES = 15_000
"""Most nodes of a cluster (https://cloud.google.com/kubernetes-engine/quotas), and each Pod of a model takes one."""

MAX_REPLICAS = 5
"""Up to here Istio's charts let istiod and the gateway proxy grow by themselves."""

ZONES_OF_A_REGION = 3

MINUTES_OF_A_DAY = 1440


def _not_below_the_fewest(most: int, info: ValidationInfo) -> int:
    low = str(info.field_name).replace("max", "min")
    fewest = info.data.get(low, 0)
    if most < fewest:
        raise ValueError(f"is below `{to_camel(low)}`, which is {fewest}. Raise it to {fewest}, or lower that one.")
    return most


def _a_node_in_each_zone(most: int, info: ValidationInfo) -> int:
    location = info.data.get("location", "")
    if location and not places.is_zone(location) and most < ZONES_OF_A_REGION:
        raise ValueError(
            f"is too small for the regional cluster in {location}, which begins with a node in each of three zones."
            f" Use {ZONES_OF_A_REGION} or more, or a zone as `location`."
        )
    return most


Count = Annotated[Whole, Field(ge=0, le=MAX_NODES)]
AtLeastOne = Annotated[Whole, Field(ge=1, le=MAX_NODES)]
MostNodes = Annotated[AtLeastOne, AfterValidator(_not_below_the_fewest)]
MostSystemNodes = Annotated[MostNodes, AfterValidator(_a_node_in_each_zone)]
Replicas = Annotated[Whole, Field(ge=1, le=MAX_REPLICAS)]
Minutes = Annotated[Whole, Field(ge=1, le=MINUTES_OF_A_DAY)]
"""How long something is waited for, at most a day."""
