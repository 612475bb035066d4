"""One Pod that is bound to a node: who it is, its place on this machine, and what it finds in the cluster."""

import base64
import json
import re
import shutil
import subprocess
from ipaddress import IPv4Address

from sandbox.api_client import ApiException, Json
from sandbox.clouds import nat
from sandbox.programs import catalogue
from sandbox.programs.image import Image, PullError

from .addresses import BRIDGE, GATEWAY
from .control_plane import ControlPlane
from .probes import SPEED


class MissingError(Exception):
    """Something that a container or volume needs is not there; the message is the kubelet's."""


class Pod:
    """A Pod as it was bound. `node` is its node once it has been seen, `grace` how long its containers take to end.

    Its place is a network namespace of `ip netns` and a folder, the working directory of its programs.
    """

    def __init__(self, plane: ControlPlane, manifest: Json, address: str) -> None:
        meta, self.spec = manifest["metadata"], manifest["spec"]
        self.name, self.namespace, self.uid = meta["name"], meta["namespace"], meta["uid"]
        self.plane, self.api, self.manifest, self.address = plane, plane.api, manifest, address
        self.path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        self.folder = plane.home / "pods" / f"{self.namespace}_{self.name}"
        self.netns, self._link = f"pod-{address}", f"veth{int(IPv4Address(address)):x}"
        self.node: Json = {}
        self.grace = self.spec.get("terminationGracePeriodSeconds", 30) / SPEED
        self._said: set[str] = set()

    def plug_in(self) -> None:
        """Give it an address and a network of its own."""
        _ip(
            f"netns add {self.netns}",
            f"link add {self._link} type veth peer name eth0 netns {self.netns}",
            f"link set {self._link} master {BRIDGE} up",
        )
        up = ("link set lo up", f"address add {self.address}/14 dev eth0", "link set eth0 up")
        _ip(*up, f"route add default via {GATEWAY}", netns=self.netns)

    def unplug(self) -> None:
        """Take its network and its folder away."""
        _ip(f"link delete {self._link}", f"netns delete {self.netns}")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def host(self) -> str:
        """The address of its node."""
        return self.node["status"]["addresses"][0]["address"]

    def event(self, reason: str, message: str, *, once: bool = True) -> None:
        """Tell of a problem, and of the same one only once."""
        if not once or message not in self._said:
            self._said.add(message)
            self.api.event(self.manifest, "Pod", reason, message, source="kubelet")

    def pull(self, spec: Json) -> Image:
        """A container's image, from its registry unless the node has it, or a `PullError`."""
        node, name = self.spec["nodeName"], spec["image"]
        held = self.plane.pulled.setdefault(node, set())
        wanted = name not in held or spec.get("imagePullPolicy") == "Always"
        if wanted and not self.plane.reaches(node, nat.registry(name)):
            raise PullError(nat.timed_out(name))
        image = catalogue.find(name, self.plane.remotes(node))
        held.add(name)
        return image

    def reaches(self, host: str) -> bool:
        """Whether what runs here gets to a host outside of the VPC: its node does, and policies let it."""
        return self.plane.reaches(self.spec["nodeName"], host) and not self.plane.closed(self.manifest)

    def resolves(self) -> bool:
        """Whether policies let what runs here ask for names."""
        return "names" not in self.plane.closed(self.manifest)

    def data(self, kind: str, name: str, optional: bool) -> dict[str, bytes]:
        """What is in a Secret or ConfigMap."""
        try:
            found = self.api("GET", f"/api/v1/namespaces/{self.namespace}/{kind.lower()}s/{name}")
        except ApiException as error:
            if error.status != 404:
                raise
            if optional:
                return {}
            raise MissingError(f'{kind.lower()} "{name}" not found') from None
        data = found.get("data", {})
        if kind == "secret":
            return {key: base64.b64decode(value) for key, value in data.items()}
        return {key: value.encode() for key, value in data.items()}

    def field(self, path: str) -> str:
        """A field of the Pod, as the downward API has it."""
        keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.*)'\]", path)
        meta = self.manifest["metadata"]
        if keyed:
            return meta.get(keyed[1], {}).get(keyed[2], "")
        if path in ("metadata.labels", "metadata.annotations"):
            found = meta.get(path.split(".")[1], {})
            return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(found.items()))
        status = {"podIP": self.address, "podIPs": self.address, "hostIP": self.host, "hostIPs": self.host}
        part, field = path.split(".")
        return {"metadata": meta, "spec": self.spec, "status": status}[part][field]


def _ip(*commands: str, netns: str = "") -> None:
    place = ["-netns", netns] if netns else []
    subprocess.run(["ip", *place, "-batch", "-"], input="\n".join(commands), text=True, check=True)  # noqa: S603, S607
