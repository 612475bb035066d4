"""Everything that a stack file may say. The fields of an entry of `models` are those of `Model`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from infra.google import slices
from infra.releases import compatibility, images, pins

from . import (
    access,
    autoscaling,
    capacity,
    compile_cache,
    fitting,
    hardening,
    machines,
    model,
    monitoring,
    places,
    ranges,
    registry,
    tls,
    tpu,
    uris,
)
from .access import Auth, PublicKeys, TokenIssuers, Tokens
from .budget import BudgetOrNone
from .capacity import Classes, FlexStartSeconds, Migration, NotOfFlexStart, WithFlexStart
from .compile_cache import CompileCache
from .counts import AtLeastOne, Count, Minutes, MostNodes, MostSystemNodes, Replicas
from .explain import PROJECT_KEY, STACK_KEY
from .gke_version import GkeVersion
from .hardening import HardenedCluster, KmsKey
from .labels import Labels
from .limits import MaxConcurrentRequests, MaxRequestMb, RequestsPerMinute
from .machines import MachineType
from .maintenance import Maintenance
from .mirror import ChartMirror
from .model import Model, Models
from .monitoring import AlertChannels, AlertEmails
from .node_account import NodeServiceAccount
from .places import Location
from .projects import ProjectId
from .ranges import Callers, Clients, ControlPlaneRange, NodeRange, PodRange, ServiceRange
from .registry import ImageRegistry
from .scalars import TrueOrFalse
from .tls import AcmeMail, DnsZone, Hostname, TlsSecret, TlsSource
from .tpu import BootDisk, SliceName, Zones
from .weights_cache import WeightsCache


class Settings(BaseModel):
    """A stack's configuration. Nodes are counted over all zones; disk sizes are in GB.

    The fields stand in the order of Pulumi.yaml, and problems are told in it. A check that compares with an earlier
    field reads it from `info.data`, where it stands unless it has a problem of its own: so one run finds every problem.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    stack: Annotated[str, Field(alias=STACK_KEY)]
    project: Annotated[ProjectId, Field(alias=PROJECT_KEY)]
    location: Location
    tpu_zones: Zones
    tpu_slice: SliceName
    tpu_capacity: Classes
    tpu_capacity_migration: Migration
    tpu_flex_start_seconds: FlexStartSeconds
    tpu_min_nodes: Annotated[Count, NotOfFlexStart]
    tpu_max_nodes: MostNodes
    tpu_boot_disk_gb: BootDisk
    warm_up: TrueOrFalse
    tpu_capacity_wait: Minutes
    system_machine_type: MachineType
    system_min_nodes: AtLeastOne
    system_max_nodes: MostSystemNodes
    subnet_cidr: NodeRange
    pod_cidr: PodRange
    service_cidr: ServiceRange
    control_plane_cidr: ControlPlaneRange
    authorized_networks: Callers
    hardened_cluster: HardenedCluster
    kms_key: KmsKey
    node_service_account: NodeServiceAccount
    release_channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"]
    gke_version: Annotated[GkeVersion, WithFlexStart]
    maintenance_window: Maintenance
    router_replicas: Replicas
    tls: TlsSource
    hostname: Hostname
    acme_email: AcmeMail
    dns_zone: DnsZone
    tls_secret: TlsSecret
    auth: Auth
    token_issuers: TokenIssuers
    token_public_keys: PublicKeys
    tokens: Tokens
    public_without_authentication: TrueOrFalse
    max_request_mb: MaxRequestMb
    requests_per_minute: RequestsPerMinute
    max_concurrent_requests: MaxConcurrentRequests
    allowed_clients: Clients
    models: Models
    hugging_face_token: SecretStr
    compile_cache: CompileCache
    weights_cache: WeightsCache
    isolation: TrueOrFalse
    protect: TrueOrFalse
    chart_mirror: ChartMirror
    image_registry: ImageRegistry
    labels: Labels
    budget: BudgetOrNone
    monitoring: TrueOrFalse
    alert_emails: AlertEmails
    alert_channels: AlertChannels

    @property
    def region(self) -> str:
        """The region of `location`."""
        return places.region(self.location)

    @property
    def used_slices(self) -> list[slices.Slice]:
        """The slices that models run on, the stack's own first."""
        used = {self.slice_of(model) for model in self.models}
        return sorted(used, key=lambda s: (s.name != self.tpu_slice, s.chips))

    def slice_of(self, model: Model) -> slices.Slice:
        """The slice that a model runs on."""
        return slices.SLICES[model.slice or self.tpu_slice]

    def _running_on(self, tpu_slice: slices.Slice) -> list[Model]:
        return [m for m in self.models if not m.paused and self.slice_of(m) == tpu_slice]

    def serving(self, tpu_slice: slices.Slice) -> int:
        """The fewest replicas with which the models on a slice serve that are not paused: they take so many nodes."""
        return sum(m.fewest for m in self._running_on(tpu_slice))

    def most_serving(self, tpu_slice: slices.Slice) -> int:
        """The most replicas of the models on a slice that are not paused."""
        return sum(m.most for m in self._running_on(tpu_slice))

    @property
    def autoscaled(self) -> bool:
        """Whether the load decides how many replicas some model has. A paused one counts, so that it comes back."""
        return any(model.autoscaling for model in self.models)

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of each product that the stack installs."""
        return pins.versions(autoscaled=self.autoscaled)

    @property
    def caches(self) -> Mapping[str, registry.Repository]:
        """The stack's own remote repositories by the publisher's host that each fetches from, if it pulls by them."""
        return registry.caches(self.image_registry, project=self.project, region=self.region, stack=self.stack)

    @property
    def image_places(self) -> images.Places:
        """What stands in place of publishers' hosts in the names of images."""
        if self.image_registry in (registry.CACHE, registry.PUBLISHERS):
            return {host: place.prefix for host, place in self.caches.items()}
        return images.mirror(self.image_registry)

    @property
    def streams_images(self) -> bool:
        """Whether nodes start containers while their images still come: GKE streams what is in Artifact Registry."""
        return bool(self.caches or registry.repository(self.image_registry))

    @property
    def grants(self) -> bool:
        """Whether the program grants roles: not if the nodes' account is somebody else's, who then grants them all."""
        return not self.node_service_account

    @property
    def scraped(self) -> bool:
        """Whether Managed Service for Prometheus reads what models and platform measure of themselves: to be drawn and
        watched, or to scale models by."""
        return self.monitoring or self.autoscaled

    @property
    def mounts_buckets(self) -> bool:
        """Whether Pods mount buckets, which takes GKE's driver for it."""
        return self.compile_cache != compile_cache.NONE or any(map(self.mounts_weights, self.models))

    def copies(self, model: Model) -> bool:
        """Whether the weights of a model are copied into the stack's bucket."""
        return self.weights_cache and model.uri.startswith("hf://")

    def mounts_weights(self, model: Model) -> bool:
        """Whether the Pods of a model mount its weights from a bucket."""
        return bool(uris.folder(model.uri)) or self.copies(model)

    def image(self, image: str) -> str:
        """An image of the pins, as the stack pulls it: a protected one by digest, as far as that is known."""
        return images.pulled(image, places=self.image_places, by_digest=self.protect)

    def values(self, chart: pins.Chart, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a chart, with those of its images."""
        return images.values(chart, values, places=self.image_places, by_digest=self.protect)

    @property
    def warnings(self) -> list[str]:
        """What is likely wrong but may be right."""
        return [
            *tpu.warnings(self.tpu_zones),
            *capacity.warnings(self.tpu_capacity, self.tpu_zones, protect=self.protect),
            *model.warnings(self.models),
            *autoscaling.warnings([m.name for m in self.models if m.sleeps], self.tpu_min_nodes, self.tpu_capacity),
            *autoscaling.not_granted(self.project, self.stack, autoscaled=self.autoscaled, grants=self.grants),
            *fitting.warnings(self.models, self.tpu_slice),
            *places.warnings(self.location),
            *machines.warnings(self.system_machine_type),
            *ranges.warnings(self.authorized_networks),
            *tls.warnings(self.tls, self.hostname),
            *access.warnings(self.auth, self.token_public_keys, self.token_issuers),
            *ranges.client_warnings(self.allowed_clients, self.tls),
            *registry.warnings(self.image_registry),
            *hardening.warnings(
                self.image_registry,
                [model.uri for model in self.models],
                [issuer.jwks_uri for issuer in self.token_issuers],
                hardened=self.hardened_cluster,
                isolation=self.isolation,
            ),
            *monitoring.warnings(self.alert_emails, self.alert_channels, monitoring=self.monitoring),
            *compatibility.gke_warnings(self.gke_version, self.versions),
        ]
