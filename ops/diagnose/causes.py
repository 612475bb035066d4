"""The table of causes: which there are, by what they are known, and what to do.

An earlier row goes before a later one: what keeps a Pod from being made before what the Pod says, and the particular
before the general. Each is tested on recorded observations, and stands in docs/troubleshooting.md by its name.
"""

from . import node_causes as node
from . import phases
from . import serving_causes as serving
from . import start_causes as start
from .cause import Cause, Finding
from .observed import Observed

NO_MODEL = "NAMESPACE/NAME"
"""In place of a model, where there is none yet."""

NODE = "The Pod stays `Pending`: no TPU capacity, or no quota"
HUB = "`storage-initializer` fails with 401, 403 or 404"
HANGS = "`pulumi up` seems to hang at the LLMInferenceService"
PULL = "`ErrImagePull`, `toomanyrequests`"
TIMEOUT = "`ErrImagePull`, `dial tcp ...: i/o timeout`"
NO_SPACE = "`storage-initializer` or the Pod fails with `no space left on device`, or the Pod is evicted"
GONE = '`failed to attach model artifacts to leader template: secrets "qwen2-3b-pattern1-hugging-face" not found`'
BALANCER = "`Service was not allocated an IP address; does your cloud provider support this?`"
PICKER = "Completions answer 500, `/v1/models` and `/health` answer 200"
CERTIFICATE = "`pulumi up` waits for the certificate"
HOOK = "`failed calling webhook`"
DELETED = "A model, or its namespace, is never deleted"

DESCRIBE = "kubectl describe pods -n {namespace} -l app.kubernetes.io/name={name}"
PREVIOUS = "kubectl logs -n {namespace} deploy/{name}-kserve -c main --previous"
REPLACE = "kubectl delete llmisvc -n {namespace} {name} && pulumi up --refresh"

TABLE = (
    Cause(
        "paused",
        serving.paused,
        "nothing, or python -m ops resume {namespace}/{name} --stack NAME --up",
        HANGS,
        passing=True,
        around=True,
    ),
    Cause(
        "asleep",
        serving.asleep,
        "nothing, or ask for a completion, which wakes it within minutes: docs/scaling.md",
        HANGS,
        passing=True,
        around=True,
    ),
    Cause("stopped", serving.stopped, "kubectl annotate llmisvc -n {namespace} {name} serving.kserve.io/stop-", HANGS),
    Cause(
        "webhook without an answer",
        serving.webhook,
        "kubectl get pods -n kserve -o wide, and pulumi up",
        HOOK,
        around=True,
    ),
    Cause("model gone", serving.gone, "pulumi up --refresh", DELETED),
    Cause("service account missing", serving.account, "pulumi up --refresh", GONE),
    Cause("token Secret missing", serving.secret, "pulumi up --refresh", GONE),
    Cause(
        "gateway without an address",
        serving.gateway,
        "gcloud compute addresses list says who has it; pulumi up --refresh",
        BALANCER,
        around=True,
    ),
    Cause(
        "certificate pending",
        serving.certificate,
        "kubectl describe order,challenge -n istio-ingress",
        CERTIFICATE,
        around=True,
    ),
    Cause(
        "gateway not programmed",
        serving.proxy,
        "kubectl describe pods,gateways -n istio-ingress",
        BALANCER,
        around=True,
    ),
    Cause("quota", node.quota, "ask for more (docs/deploy.md, step 3): the Pod then goes on by itself", NODE),
    Cause(
        "no capacity",
        node.capacity,
        "wait, as GKE keeps trying, or name more tpuZones or another tpuCapacity; pulumi up goes on",
        NODE,
    ),
    Cause("node pool is full", node.full, "raise tpuMaxNodes, or lower replicas; pulumi up", NODE),
    Cause("no pool fits", node.unfit, "pulumi up --refresh, as the Pod's pool is gone or another", NODE),
    Cause("no node for another reason", node.other_failure, DESCRIBE, NODE),
    Cause("image pull", start.image, "wait if it is a limit, else compare name, registry and NAT; " + DESCRIBE, PULL),
    Cause("no way out", start.unreachable, "pulumi up --refresh, which brings NAT back", TIMEOUT),
    Cause("names are not resolved", start.names, "kubectl get pods -n kube-system -l k8s-app=kube-dns", TIMEOUT),
    Cause(
        "token refused",
        start.gated,
        "accept the licence on the model's page, pulumi config set --secret huggingFaceToken, and " + REPLACE,
        HUB,
    ),
    Cause("model not found", start.not_found, "compare uri with the model's page; pulumi up", HUB),
    Cause(
        "bucket not mounted",
        start.bucket,
        "python -m ops preflight --stack NAME says what is missing (docs/storage.md); the Pod goes on by itself",
        HANGS,
    ),
    Cause("disk full", start.disk, "raise tpuBootDiskGb; pulumi up", NO_SPACE),
    Cause(
        "out of memory on the chip",
        start.chip_memory,
        "python -m ops fit says what fits; lower maxModelLen, or take a larger tpuSlice; pulumi up",
        HANGS,
    ),
    Cause("out of memory in the container", start.memory, DESCRIBE, HANGS),
    Cause("chips not found", start.chips, PREVIOUS, HANGS),
    Cause("flag refused", start.flag, "change extraArgs, dtype or tensorParallelSize; pulumi up", HANGS),
    Cause("container refused", start.config, "pulumi up --refresh; " + DESCRIBE, HANGS),
    Cause("it ends again and again", start.crash, PREVIOUS, HANGS),
    Cause(
        "picker down",
        serving.picker,
        "kubectl logs -n {namespace} deploy/{name}-kserve-router-scheduler --all-containers --tail=50",
        PICKER,
        around=True,
    ),
    Cause(
        "no model yet",
        serving.none_yet,
        "wait: the platform is being installed; where pulumi up has ended, run it again",
        HANGS,
        passing=True,
    ),
    Cause("waiting for a node", node.coming, "wait: some minutes are normal", NODE, passing=True),
    Cause("pulling the image", start.pulling, "wait: it has several gigabytes", HANGS, passing=True),
    Cause("weights still loading", start.loading, "wait: python -m ops watch shows it", HANGS, passing=True),
    Cause("compiling", start.compiling, "wait, up to an hour: python -m ops watch shows it", HANGS, passing=True),
)
UNKNOWN = Cause("unknown", serving.unknown, "kubectl logs -n kserve deploy/llmisvc-controller-manager", HANGS)
"""When no row finds anything, and the model is not Ready."""
GENERAL = ("it ends again and again", "no node for another reason")
"""Rows that say less than one that has found something about the same Pod or container."""


def findings(seen: Observed, model: str) -> list[Finding]:
    """The causes that were found for the model at `namespace/name`, in the order of the table.

    None if it is Ready, unless something around it is wrong: what is up goes on for a while without a controller. Of a
    paused one, and of one that sleeps, it is told that it is. As long as something is wrong, what is on its way is not
    told. Of one that could not be read, what was read is told, and no more: it may be Ready.
    """
    now = phases.phase(seen, model).name
    done = now in phases.DONE
    rows = [cause for cause in TABLE if cause.around or not done]
    found = [Finding(model, cause, sign) for cause in rows for sign in cause.look(seen, model)]
    faults = [one for one in found if not one.cause.passing]
    named = {one.sign.what for one in faults if one.cause.name not in GENERAL}
    faults = [one for one in faults if one.cause.name not in GENERAL or one.sign.what not in named]
    if faults or found or done or now == phases.UNREAD:
        return faults or found
    return [Finding(model, UNKNOWN, sign) for sign in UNKNOWN.look(seen, model)]
