"""How long a vLLM Pod may take to start, and to end. All in seconds.

The end. A deleted Pod leaves the gateway's and the picker's lists, which takes them some moments, and runs its preStop
hook meanwhile: vLLM goes on taking requests. Then it gets SIGTERM, refuses new ones and has `--shutdown-timeout` for
those that run; without the flag that is 0, and it breaks them off (`vllm/v1/engine/core.py` in PyPI's vllm-tpu 0.27.0).
What is left of the grace period is for the engine to let go of the chips, then SIGKILL comes. The hook is part of the
grace period, so the three are one sum:

    | who | preStop | shutdown timeout | rest | grace period |
    |---|---|---|---|---|
    | KServe v0.20's preset, whose command ours replaces | 15 | 40 | 5 | 60 |
    | llm-d's own Deployments | 15 | 45 | 15 | 75 |

llm-d's figures are taken, because it serves from TPUs too. A Spot node that Google takes back has 15 seconds for them
all, whatever is asked for (https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms): the hook, in which
requests go on, takes them up. The start-up probe and Pulumi's patience have a sum of their own.
"""

PRE_STOP = 15
"""Until gateway and picker send nothing more."""

SHUTDOWN_TIMEOUT = 45
"""For the requests that run."""

RELEASE = 15
"""For the engine to end."""

START = 3600
"""For vLLM to load the weights into the chips and to compile. It took 12 to 15 minutes in the field; llm-d allows an
hour. What is longer than the probe allows is killed and begins anew, for ever."""

BEFORE_START = 1800
"""For what comes before vLLM: a node, its image, and the weights on its disk."""


def grace_period() -> int:
    """`terminationGracePeriodSeconds` of the Pod."""
    return PRE_STOP + SHUTDOWN_TIMEOUT + RELEASE


def ready_timeout() -> int:
    """How long Pulumi waits for a model to become Ready."""
    return BEFORE_START + START
