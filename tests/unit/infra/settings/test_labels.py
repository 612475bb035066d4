"""Labels of Google Cloud's resources."""

from tests.support.stack_settings import Values, accepted, problems, refused, stack

LABEL_RULE = (
    "Keys and values are at most 63 lower-case letters, digits, hyphens and underscores; a key begins with a letter."
)

BAD: dict[str, tuple[Values, str]] = {
    "label's key with a capital": (
        {"labels": {"Team": "ml"}},
        f'labels: {{"Team": "ml"}} contains \'Team\'. {LABEL_RULE}',
    ),
    "label's key that begins with a digit": (
        {"labels": {"1st": "ml"}},
        f'labels: {{"1st": "ml"}} contains \'1st\'. {LABEL_RULE}',
    ),
    "label's value with a space": (
        {"labels": {"team": "m l"}},
        f'labels: {{"team": "m l"}} contains \'team\'. {LABEL_RULE}',
    ),
    "label's key too long": (
        {"labels": {"k" * 64: ""}},
        f'labels: {{"{"k" * 64}": ""}} contains \'{"k" * 64}\'. {LABEL_RULE}',
    ),
    "label's value too long": (
        {"labels": {"k": "v" * 64}},
        f'labels: {{"k": "{"v" * 64}"}} contains \'k\'. {LABEL_RULE}',
    ),
    "label of Google's": (
        {"labels": {"goog-x": "ml"}},
        'labels: {"goog-x": "ml"} contains \'goog-x\', and keys that begin with goog are Google\'s own. Choose another '
        "key.",
    ),
    "label's value as a number": ({"labels": {"team": 5}}, "labels.team: 5 is not text. Put it in quotes."),
}

GOOD: dict[str, Values] = {
    "longest label": {"labels": {"k" * 63: "v" * 63}},
    "most labels": {"labels": {f"k{i}": "" for i in range(63)}},
    "labels": {"labels": {"team": "ml", "cost-center_1": ""}},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_one_label_more_than_the_provider_leaves_is_refused() -> None:
    (line,) = problems(stack({"labels": {f"k{i}": "" for i in range(64)}}))

    assert line.endswith(
        "has 64 labels, and 63 are the most: Google Cloud takes 64, and the provider adds one. Remove some."
    )
