"""What was seen of a stack's cluster at one time: all that a cause is judged by."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from infra.google.slices import TOPOLOGY_LABEL
from infra.platform.names import PICKER, VLLM, deployment_of, kserve_labels

from .objects import Event, Pod, Thing


class Pool(BaseModel):
    """A TPU node pool of the stack's state: where it looks for a machine, in which class of capacity, and which
    topology its slices have, if it is one that is known."""

    name: str
    topology: str = ""
    zones: list[str] = []
    capacity: str = "on-demand"


class Observed(BaseModel):
    """Everything, as plain values: what the tests record is this, as JSON.

    `expected` are the models of the stack's state as `namespace/name`, `pools` its TPU node pools; both are empty with
    a kubeconfig alone. `logs` has the last lines by `namespace/pod/container`; `left_out` says what could not be read,
    and why. `incomplete` names the lists among it: what is not in one of these may be in the cluster.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    expected: list[str] = []
    pools: list[Pool] = []
    models: list[Thing] = []
    pods: list[Pod] = []
    events: list[Event] = []
    deployments: list[Thing] = []
    services: list[Thing] = []
    service_accounts: list[Thing] = []
    gateways: list[Thing] = []
    certificates: list[Thing] = []
    logs: dict[str, str] = {}
    left_out: list[str] = []
    incomplete: list[str] = []

    def whole(self, name: str) -> bool:
        """Whether a list was read to its end: only then is what it does not have not in the cluster."""
        return name not in self.incomplete

    def model(self, place: str) -> Thing | None:
        """A model by `namespace/name`."""
        return next((model for model in self.models if model.place == place), None)

    def deployment(self, place: str) -> Thing | None:
        """The Deployment that KServe makes of a model."""
        return next((one for one in self.deployments if one.place == deployment_of(place)), None)

    def places(self) -> list[str]:
        """Every model that is there, or should be."""
        return list(dict.fromkeys([*self.expected, *(model.place for model in self.models)]))

    def pods_of(self, place: str, component: str = VLLM) -> list[Pod]:
        """The vLLM Pods of a model, or its pickers, by KServe's labels; those on their way out are left out."""
        namespace, name = place.split("/")
        labels = {**kserve_labels(component), "app.kubernetes.io/name": name}.items()
        return [
            pod
            for pod in self.pods
            if pod.metadata.namespace == namespace
            and labels <= pod.metadata.labels.items()
            and not pod.metadata.deletion_timestamp
        ]

    def pickers_of(self, place: str) -> list[Pod]:
        """The endpoint pickers of a model."""
        return self.pods_of(place, PICKER)

    def pods_before(self, place: str) -> list[Pod]:
        """Every Pod that asks for a TPU slice, whoever has made it, as long as a model has none: it may ask for the
        model's. Nothing if the model may have some that were not read."""
        if self.pods_of(place) or not self.whole("pods"):
            return []
        return [p for p in self.pods if TOPOLOGY_LABEL in p.spec.node_selector and not p.metadata.deletion_timestamp]

    def events_of(self, pod: Pod, *reasons: str) -> list[Event]:
        """What has happened to a Pod, the last first."""
        about = (pod.metadata.namespace, pod.metadata.name)
        return newest(
            event
            for event in self.events
            if (event.involved_object.namespace, event.involved_object.name) == about
            and (not reasons or event.reason in reasons)
        )

    def events_in(self, namespace: str, *reasons: str) -> list[Event]:
        """What has happened in a namespace, the last first."""
        return newest(e for e in self.events if e.involved_object.namespace == namespace and e.reason in reasons)

    def log(self, pod: Pod, container: str) -> str:
        """The last lines of a container, empty if they were not read."""
        return self.logs.get(f"{pod.place}/{container}", "")


def newest(events: Iterable[Event]) -> list[Event]:
    """Events, the last first; those without a time at the end."""
    return sorted(events, key=lambda event: event.when.timestamp() if event.when else 0, reverse=True)
