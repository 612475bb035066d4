"""Somebody else's words, in a message of ours."""

LOGIN = "gcloud auth application-default login"
"""What gives Google's clients credentials."""


def one_line(said: object) -> str:
    """What somebody has said, such as an error, in one line, without the label that Pulumi's CLI begins it with."""
    return " ".join(str(said).split()).removeprefix("error: ")
