"""The volumes of a Pod: what is in them, and how its containers find them.

All are in the Pod's folder, where the containers mount them. Secrets and ConfigMaps follow what is in the cluster, also
where a container mounts a single file of one, which a kubelet leaves as it was. All else stays as it was when the Pod
started, a token of its service account with it.
"""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sandbox.api_client import Json

from .addresses import GATEWAY
from .pod import MissingError, Pod
from .probes import SPEED

FOLLOWED = ("secret", "configMap")
REFRESH_SECONDS = 60 / SPEED
"""How often a kubelet looks at what is mounted (`syncFrequency`,
https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/)."""


def mount(pod: Pod) -> None:
    """Lay the volumes out, and link them to where the containers mount them."""
    volumes = pod.folder / "volumes"
    for volume in pod.spec.get("volumes", []):
        [(kind, source)] = [(k, v) for k, v in volume.items() if k != "name"]
        try:
            files = _files(pod, kind, source or {})
        except MissingError as error:
            raise MissingError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None
        (volumes / volume["name"]).mkdir(parents=True, exist_ok=True)
        _write(volumes / volume["name"], files)
    (pod.folder / "tmp").mkdir(parents=True, exist_ok=True)
    for container in [*pod.spec.get("initContainers", []), *pod.spec["containers"]]:
        for mount in container.get("volumeMounts", []):
            place = pod.folder / mount["mountPath"].strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.symlink_to(volumes / mount["name"] / mount.get("subPath", ""))


def refresh(pod: Pod) -> None:
    """Bring what is mounted of Secrets and ConfigMaps up to date; what is gone from the cluster stays here."""
    for volume in pod.spec.get("volumes", []):
        [(kind, source)] = [(k, v) for k, v in volume.items() if k != "name"]
        parts = source["sources"] if kind == "projected" else [{kind: source or {}}]
        for part, of in (entry for one in parts for entry in one.items() if entry[0] in FOLLOWED):
            with suppress(MissingError):
                _write(pod.folder / "volumes" / volume["name"], _files(pod, part, of))


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write what has changed, each file in one step."""
    for path, content in files.items():
        file = folder / path
        if not file.exists() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f".{file.name}.new")
            new.write_bytes(content)
            new.replace(file)


def _files(pod: Pod, kind: str, source: Json) -> dict[str, bytes]:
    """The files of a volume, or of a part of a projected one."""
    if kind == "emptyDir":
        return {}
    if kind == "projected":
        parts = [part for entry in source["sources"] for part in entry.items()]
        return {path: content for part in parts for path, content in _files(pod, *part).items()}
    if kind == "downwardAPI":
        return {i["path"]: pod.field(i["fieldRef"]["fieldPath"]).encode() for i in source["items"]}
    if kind == "serviceAccountToken":
        return {source["path"]: _token(pod, source)}
    if kind in ("secret", "configMap"):
        data = pod.data(kind, source.get("secretName") or source["name"], source.get("optional", False))
        items = source.get("items", [{"key": key, "path": key} for key in data])
        missing = [item["key"] for item in items if item["key"] not in data]
        if missing and not source.get("optional"):
            raise MissingError(f"references non-existent {kind.lower()} key: {missing[0]}")
        return {item["path"]: data[item["key"]] for item in items if item["key"] in data}
    raise MissingError(f"the sandbox has no volumes of the kind {kind}")


def _token(pod: Pod, source: Json) -> bytes:
    """A token of the Pod's service account, bound to the Pod."""
    account = f"/api/v1/namespaces/{pod.namespace}/serviceaccounts/{pod.spec['serviceAccountName']}/token"
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
    audiences = [source["audience"]] if source.get("audience") else []
    asked = {"audiences": audiences, "boundObjectRef": bound, "expirationSeconds": source["expirationSeconds"]}
    return pod.api("POST", account, {"spec": asked})["status"]["token"].encode()


def binds(pod: Pod, spec: Json) -> Iterator[str]:
    """Shell commands that put a container's volumes below /run in place; the program alone sees it.

    Its name server is one that does not exist, and so refuses at once: the names that there are stand in /etc/hosts. A
    Pod that may not ask for names when the program starts has none there.
    """
    resolver = pod.folder / "resolv.conf"
    resolver.write_text(f"nameserver {GATEWAY}\n")
    yield f"if [ -e /etc/resolv.conf ]; then mount --bind {shlex.quote(str(resolver))} /etc/resolv.conf; fi && "
    if not pod.resolves():
        hosts = pod.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        yield f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && "
    for mount in spec.get("volumeMounts", []):
        if mount["mountPath"].startswith(("/run/", "/var/run/")):
            place = shlex.quote(mount["mountPath"])
            source = shlex.quote(str(pod.folder / mount["mountPath"].strip("/")))
            yield f"mkdir -p {place} && mount --bind {source} {place} && "
