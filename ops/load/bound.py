"""What a stage of a load cannot pass: the roofline of `ops.roofline`, as `make tpu-check` holds it against a compiler.

It bounds a model whose memory `infra.settings.fitting` judges, and no other: with flags that change the program, such
as those of speculative decoding, more may come out than it says.
"""

from math import ceil

from infra.settings.fitting import Judged, judged
from infra.settings.model import Model
from infra.settings.schema import Settings
from ops import roofline

from .measured import Bound, Stage


def of_model(settings: Settings, model: Model) -> Judged | None:
    """What is known of a model on its slice, if it can be bounded."""
    return judged(model, settings.slice_of(model))


def of_stage(known: Judged, pods: int, stage: Stage) -> Bound:
    """The bound of a stage, whose requests are spread evenly over so many Pods.

    Answers: as many tokens as the largest share of those who ask at once can get, each with a context that begins with
    the mean prompt; contexts only grow. All tokens: those of prompts go through the layers too, many in one step, so
    only the matrix units bound them.
    """
    at_once = ceil(stage.concurrency / pods)
    context = round(stage.prompt_tokens / stage.answered) if stage.answered else 0
    return Bound(
        answers=pods * roofline.decoding(known.shape, known.ask, at_once, context),
        tokens=pods * roofline.through_layers(known.shape, known.ask),
    )
