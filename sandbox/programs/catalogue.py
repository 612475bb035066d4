"""Which program of this machine runs in place of which container image, and what has to be adapted for it.

There are no images and no registry here. One that `registries` does not know, or for which `IMAGES` has no program,
cannot be pulled, as on a machine where it does not exist. A container runs with its own command, arguments and
environment; every exception stands below with its reason, and so does what the program needs of its container.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.releases.picker_plugins import INDEX, SCORER_OF_PREFIXES
from sandbox.build import places
from sandbox.build.programs import MODULES
from sandbox.clouds import registries
from sandbox.clouds.nat import model_host, unreachable_model, unresolved_model
from sandbox.clouds.registries import Remote

from .envoy import Istiod, bootstrap
from .image import Env, ExecError, Image, Needs, Pod, PullError
from .prefix_cache import PREFILL
from .vllm_flags import RELEASE


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"sandbox.programs.{module}", *arguments]


def _istiod(pod: Pod, args: list[str], env: Env) -> list[str]:
    """Make istiod configure plain Envoy, which knows none of the filters and certificates of Istio's build."""
    env |= {
        "PILOT_ENABLE_METADATA_EXCHANGE": "false",  # filter istio.metadata_exchange
        "PILOT_ENABLE_ALPN_FILTER": "false",  # filter istio.alpn
    }
    # Mutual TLS takes its certificates from pilot-agent, a metrics provider is filter istio.stats: there is no default
    # one, and the one that a Telemetry names is of no such kind (`ApplyMeshConfig` in istiod's pkg/config/mesh). Istiod
    # reads this file, relative to its folder, before the ConfigMap that the chart has made.
    chart = pod.api("GET", f"/api/v1/namespaces/{pod.namespace}/configmaps/istio")["data"]["mesh"]
    mesh: dict[str, Any] = yaml.safe_load(chart) | {"enableAutoMtls": False}
    mesh.pop("defaultProviders", None)
    none = {"name": "prometheus", "envoyFileAccessLog": {"path": "/dev/null"}}
    mesh["extensionProviders"] = [*mesh.get("extensionProviders", []), none]
    file = pod.folder / "etc" / "istio" / "config" / "mesh"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(mesh))
    return args


UNRESOLVED = "192.0.2.1"
"""An address for documentation, in place of istiod's: who cannot ask for a name connects to nothing."""


def _service(pod: Pod, name: str, namespace: str) -> str:
    """The address of a Service, as far as who asks may ask for names."""
    if not pod.resolves():
        return UNRESOLVED
    return pod.api("GET", f"/api/v1/namespaces/{namespace}/services/{name}")["spec"]["clusterIP"]


def _proxy(pod: Pod, args: list[str], env: Env) -> list[str]:
    """Envoy as pilot-agent would start it; its own arguments (`proxy router ...`) say nothing that Envoy needs."""
    if args[:2] != ["proxy", "router"]:
        raise ExecError(f"the sandbox runs Istio's proxy as a gateway only, not with {args}")
    discovery = json.loads(env["PROXY_CONFIG"]).get("discoveryAddress", "istiod.istio-system.svc:15012")
    host, _, port = discovery.partition(":")
    address = _service(pod, *host.split(".")[:2])
    secrets = pod.folder / "var" / "run" / "secrets"
    token = (secrets / "tokens" / "istio-token").read_text()
    istiod = Istiod(host, address, int(port), secrets / "istio" / "root-cert.pem", token)
    file = pod.folder / "envoy.json"
    config = bootstrap(metadata=pod.manifest["metadata"], address=pod.address, env=env, istiod=istiod)
    file.write_text(json.dumps(config))
    # Its shared memory for hot restarts belongs to the whole machine, and two sandboxes would meet there.
    own = ["--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]
    own += ["--drain-time-s", "45", "--drain-strategy", "immediate"]
    # Its access log comes out ten times as often as by itself, as time passes faster here.
    return ["--config-path", str(file), *own, "--file-flush-interval-msec", "1000"]


UNKNOWN_PLUGINS = {"no-hit-lru-scorer": "a scorer of llm-d's own, in its fork of the picker alone"}
"""What of KServe's configuration of the picker the upstream one refuses to start with, and why. It takes all flags, and
passes over the empty ones. Other plugins that only the fork has are left in: it says that it does not know them."""
UPSTREAM_API = "inference.networking.x-k8s.io/v1alpha1"


def _picker(_: Pod, args: list[str], __: Env) -> list[str]:
    """KServe's flags for llm-d's fork of the picker, for the upstream one: under the name of its API, without
    `UNKNOWN_PLUGINS`, and with the index that the fork makes by itself for who scores prefixes. All else is kept."""
    if "--config-text" not in args:
        return args
    at = args.index("--config-text") + 1
    config = yaml.safe_load(args[at]) | {"apiVersion": UPSTREAM_API}
    config["plugins"] = [p for p in config["plugins"] if p["type"] not in UNKNOWN_PLUGINS]
    types = {plugin["type"] for plugin in config["plugins"]}
    if SCORER_OF_PREFIXES in types and INDEX not in types:
        config["plugins"].append({"type": INDEX})
    for profile in config.get("schedulingProfiles", []):
        profile["plugins"] = [p for p in profile["plugins"] if p["pluginRef"] not in UNKNOWN_PLUGINS]
    return [*args[:at], yaml.safe_dump(config, sort_keys=False), *args[at + 1 :]]


DISTROLESS = Needs(user=65532)
"""Images on `gcr.io/distroless/static:nonroot`: https://github.com/GoogleContainerTools/distroless."""

VLLM = Needs(
    # No USER in https://github.com/vllm-project/tpu-inference/blob/main/docker/Dockerfile.
    user=0,
    # https://cloud.google.com/kubernetes-engine/docs/how-to/tpus: an unprivileged container of v6e adds it, to raise
    # the limit of locked memory. VFIO counts what it maps against that limit, and the kernel answers ENOMEM.
    capabilities={
        "SYS_RESOURCE": "RuntimeError: Unable to initialize backend 'tpu': RESOURCE_EXHAUSTED: TPU initialization "
        "failed: Failed to map transfer buffer chunk for DMA: Cannot allocate memory (locked-memory limit: the "
        "container has no CAP_SYS_RESOURCE to raise it)"
    },
    # An estimate, well below any published limit: JAX, PyTorch and one file of weights of up to 5 GB at a time.
    memory="8Gi",
    # The smallest that is published: https://docs.vllm.ai/projects/tpu/en/latest/getting_started/installation/.
    shm="10G",
    tpu=True,
)


WORD = "SANDBOX_WORD_SECONDS"
"""The variable that says how long a token of an answer takes."""


def _vllm(_: Pod, args: list[str], env: Env) -> list[str]:
    """The stand-in's words take a moment, so that answers last, or as long as somebody says; so do its prompts."""
    env[WORD] = os.environ.get(WORD, "0.02")
    if seconds := os.environ.get(PREFILL):
        env[PREFILL] = seconds
    return args


def _download(pod: Pod, args: list[str], env: Env) -> list[str]:
    """The stand-in reaches nothing outside, so it is told what it would not reach."""
    for uri in args[::2]:
        if (host := model_host(uri)) and not pod.resolves():
            env["SANDBOX_UNREACHABLE"] = unresolved_model(uri)
        elif host and not pod.reaches(host):
            env["SANDBOX_UNREACHABLE"] = unreachable_model(uri)
    return args


def _cert_manager(role: str) -> Image:
    # Its chart asks for runAsNonRoot and names no user. The memory is an estimate; no limit is published.
    return Image(["/app"], {"/app": _python("cert_manager", role)}, Needs(user=1000, memory="32Mi"))


CERTIFICATES = "/certs"
"""Where KEDA's chart mounts its certificates."""


def _keda(pod: Pod, args: list[str], __: Env) -> list[str]:
    """Tell KEDA's parts where their certificates are here, and by which address its operator is found: names of
    Services do not resolve, and a certificate is still asked of the name."""
    if missing := [name for name in MODULES["keda"].programs if not (places.BIN / name).exists()]:
        raise ExecError(f"the sandbox has not built {', '.join(missing)}: run `make monitoring`")
    told: list[str] = []
    for arg in args:
        flag, equals, value = arg.partition("=")
        if value.startswith(CERTIFICATES):
            value = f"{pod.folder}{value}"
        if flag == "--metrics-service-address":
            host, _, port = value.partition(":")
            told.append(f"--metrics-service-grpc-authority={host}")
            value = f"{_service(pod, *host.split('.')[:2])}:{port}"
        told.append(f"{flag}{equals}{value}")
    return told


def _keda_image(name: str, program: str) -> Image:
    # Dockerfile, Dockerfile.adapter and Dockerfile.webhooks. The memory is an estimate; no least is published.
    return Image([f"/{name}"], {f"/{name}": [program]}, Needs(user=65532, memory="64Mi"), _keda)


NO_ORPHAN = ("setpriv", "--pdeathsig", "KILL")
"""Before a command line: it never outlives the program that starts it."""
COREUTILS = {"sleep": ["/bin/sleep"], "true": ["/bin/true"]}
"""What images of a Linux distribution have beside their own program. It needs nothing of its container."""

IMAGES = {
    "docker.io/kserve/llmisvc-controller": Image(["/manager"], {"/manager": ["llmisvc"]}, DISTROLESS),
    "docker.io/kserve/storage-initializer": Image(
        ["/initializer"],
        {"/initializer": _python("storage_initializer"), **COREUTILS},
        # `python/storage-initializer.Dockerfile`, which is on Debian, and the limit in the charts of KServe v0.20.0.
        Needs(user=1000, memory="1Gi"),
        _download,
    ),
    # `pilot/docker/Dockerfile.pilot` names a user, `Dockerfile.proxyv2` none, and the gateway's chart names one.
    "docker.io/istio/pilot": Image(
        ["pilot-discovery"], {"pilot-discovery": ["pilot-discovery"]}, Needs(user=1337), _istiod
    ),
    "docker.io/istio/proxyv2": Image(
        ["pilot-agent"],
        {"pilot-agent": _python("istio_proxy", *NO_ORPHAN, str(Path(sys.executable).parent / "envoy"))},
        Needs(user=0),
        _proxy,
        end=_python("drain"),
    ),
    "ghcr.io/kedacore/keda": _keda_image("keda", "keda-operator"),
    "ghcr.io/kedacore/keda-metrics-apiserver": _keda_image("keda-adapter", "keda-adapter"),
    "ghcr.io/kedacore/keda-admission-webhooks": _keda_image("keda-admission-webhooks", "keda-webhooks"),
    # The picker of the Gateway API Inference Extension, which llm-d's is a fork of and no Go module.
    "ghcr.io/llm-d/llm-d-router-endpoint-picker": Image(["/app/epp"], {"/app/epp": ["epp"]}, DISTROLESS, _picker),
    # Its entrypoint runs its arguments.
    "docker.io/vllm/vllm-tpu": Image([], {"vllm": _python("model_server"), **COREUTILS}, VLLM, _vllm),
    # Its commands are not in its Go module.
    "quay.io/jetstack/cert-manager-controller": _cert_manager("controller"),
    "quay.io/jetstack/cert-manager-acmesolver": Image(["/app"], {"/app": ["acmesolver"]}, Needs(user=1000)),
    "quay.io/jetstack/cert-manager-cainjector": _cert_manager("cainjector"),
    "quay.io/jetstack/cert-manager-webhook": _cert_manager("webhook"),
    "quay.io/jetstack/cert-manager-startupapicheck": _cert_manager("startupapicheck"),
}

TAGS = {"docker.io/vllm/vllm-tpu": f"v{RELEASE}"}
"""The only tag where the stand-in is of one release: it knows the flags of this one."""


def find(text: str, remotes: Mapping[str, Remote] = {}) -> Image:
    """The image of this name, pulled by `remotes` if it is in one of these repositories, or a `PullError`."""
    try:
        reference = registries.image(text, remotes)
    except registries.UnpublishedError as error:
        raise PullError(str(error)) from None
    if reference.name not in IMAGES or reference.tag != TAGS.get(reference.name, reference.tag):
        raise PullError(
            f'failed to pull and unpack image "{reference}": not found (it is published, but the sandbox has no '
            "program for it: the images that it has one for are in sandbox/programs/catalogue.py)"
        )
    return IMAGES[reference.name]


def needs(image: Image, argv: list[str]) -> Needs:
    """What a command line needs of its container."""
    return Needs(user=image.needs.user) if argv[0] in COREUTILS else image.needs


def command(image: Image, pod: Pod, argv: list[str], env: Env) -> list[str]:
    """The command line to run here for one of a container (empty: the image's own), or a `ExecError`."""
    name, *args = argv
    if name not in image.programs:
        raise ExecError(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to start container process: error during container init: "
            f'exec: "{name}": executable file not found in $PATH'
        )
    program, *first = image.programs[name]
    program = program if "/" in program else str(places.BIN / program)
    return [program, *first, *(image.adapt(pod, args, env) if image.adapt else args)]
