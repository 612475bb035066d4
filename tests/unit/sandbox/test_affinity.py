"""Required affinity as the scheduler has it, in both directions."""

from typing import Any

import pytest

from sandbox.cluster.affinity import REQUIRED, Placed, fits_beside, likes

Json = dict[str, Any]
HERE, THERE = {"zone": "a", "pool": "tpu"}, {"zone": "b", "pool": "tpu"}


def pod(affinity: Json | None = None, namespace: str = "x", **labels: str) -> Json:
    return {"metadata": {"namespace": namespace, "labels": labels}, "spec": {"affinity": affinity or {}}}


def term(key: str = "pool", **rest: Any) -> Json:
    return {"labelSelector": {"matchLabels": {"app": "model"}}, "topologyKey": key, **rest}


def apart(*terms: Json) -> Json:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def beside(*terms: Json) -> Json:
    return {"podAffinity": {REQUIRED: list(terms)}}


MODEL = pod(app="model")


@pytest.mark.parametrize(
    ("asking", "other", "fits"),
    {
        "another node that is one place to the term": (pod(apart(term())), Placed(MODEL, THERE), False),
        "another node in another place": (pod(apart(term("zone"))), Placed(MODEL, THERE), True),
        "nodes without the label are no place": (pod(apart(term("rack"))), Placed(MODEL, HERE), True),
        "a Pod that the term does not select": (pod(apart(term())), Placed(pod(app="b"), HERE), True),
        "another namespace": (pod(apart(term()), "y"), Placed(MODEL, HERE), True),
        "another namespace, of all": (pod(apart(term(namespaceSelector={})), "y"), Placed(MODEL, HERE), False),
        "another namespace, by name": (pod(apart(term(namespaces=["x"])), "y"), Placed(MODEL, HERE), False),
        "who is there does not want it": (MODEL, Placed(pod(apart(term())), HERE), False),
        "whom it wants is there": (pod(beside(term())), Placed(MODEL, THERE), True),
        "whom it wants is elsewhere": (pod(beside(term("zone"))), Placed(MODEL, THERE), False),
        "nobody whom it wants, but itself": (pod(beside(term()), app="model"), Placed(pod(app="b"), HERE), True),
    }.values(),
)
def test_pod_fits_beside_another(asking: Json, other: Placed, fits: bool) -> None:
    assert fits_beside(asking, HERE, [other]) is fits


def test_pod_is_not_beside_itself() -> None:
    moving = pod(apart(term()), app="model")
    assert fits_beside(moving, HERE, [Placed(moving, THERE)])


@pytest.mark.parametrize(
    ("expression", "liked"),
    [
        ({"key": "zone", "operator": "In", "values": ["a"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["a"]}, False),
        ({"key": "zone", "operator": "Exists"}, True),
        ({"key": "rack", "operator": "Exists"}, False),
        ({"key": "rack", "operator": "DoesNotExist"}, True),
    ],
)
def test_pod_likes_a_node_by_its_labels(expression: Json, liked: bool) -> None:
    terms = [{"matchExpressions": [expression]}]
    assert likes(pod({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}), HERE) is liked


def test_terms_of_nodes_are_alternatives() -> None:
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]} for zone in "ab"]
    assert likes(pod({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}), THERE)


def test_what_is_left_out_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        fits_beside(pod(apart(term(namespaceSelector={"matchLabels": {"a": "b"}}))), HERE, [Placed(MODEL, HERE)])
