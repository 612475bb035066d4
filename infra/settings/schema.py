"""Everything that a stack file may say. The fields of an entry of `models` are those of `Model`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from infra.google import slices
from infra.releases import compatibility, images, pins

from . import access, fitting, hardening, machines, model, places, ranges, registry, tls, tpu
from .access import Auth, PublicKeys, TokenIssuers, Tokens
from .counts import AtLeastOne, Count, MostNodes, MostSystemNodes, Replicas
from .explain import PROJECT_KEY
from .gke_version import GkeVersion
from .hardening import HardenedCluster, KmsKey
from .labels import Labels
from .limits import MaxConcurrentRequests, MaxRequestMb, RequestsPerMinute
from .machines import MachineType
from .maintenance import Maintenance
from .mirror import ChartMirror
from .model import Models
from .node_account import NodeServiceAccount
from .places import Location
from .projects import ProjectId
from .ranges import Callers, Clients, ControlPlaneRange, NodeRange, PodRange, ServiceRange
from .registry import ImageRegistry
from .scalars import TrueOrFalse
from .tls import AcmeMail, DnsZone, Hostname, TlsSecret, TlsSource
from .tpu import BootDisk, Reservation, SliceName, Zones


class Settings(BaseModel):
    """A stack's configuration. Nodes are counted over all zones; disk sizes are in GB.

    The fields stand in the order of Pulumi.yaml, and problems are told in it. A check that compares with an earlier
    field reads it from `info.data`, where it stands unless it has a problem of its own: so one run finds every problem.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    project: Annotated[ProjectId, Field(alias=PROJECT_KEY)]
    location: Location
    tpu_zones: Zones
    tpu_slice: SliceName
    tpu_capacity: Literal["on-demand", "spot", "reservation"]
    tpu_reservation: Reservation
    tpu_min_nodes: Count
    tpu_max_nodes: MostNodes
    tpu_boot_disk_gb: BootDisk
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
    gke_version: GkeVersion
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
    isolation: TrueOrFalse
    protect: TrueOrFalse
    chart_mirror: ChartMirror
    image_registry: ImageRegistry
    labels: Labels

    @property
    def region(self) -> str:
        """The region of `location`."""
        return places.region(self.location)

    @property
    def slice(self) -> slices.Slice:
        """The slice of every TPU node."""
        return slices.SLICES[self.tpu_slice]

    def image(self, image: str) -> str:
        """An image of the pins, as the stack pulls it: a protected one by digest, as far as that is known."""
        return images.pulled(image, registry=self.image_registry, by_digest=self.protect)

    def values(self, chart: pins.Chart, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a chart, with those of its images."""
        return images.values(chart, values, registry=self.image_registry, by_digest=self.protect)

    @property
    def warnings(self) -> list[str]:
        """What is likely wrong but may be right."""
        return [
            *tpu.warnings(self.tpu_zones),
            *model.warnings(self.models),
            *fitting.warnings(self.models, self.slice),
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
            *compatibility.gke_warnings(self.gke_version, pins.VERSIONS),
        ]
