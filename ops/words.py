"""Somebody else's words, in a message of ours."""


def one_line(said: object) -> str:
    """What somebody has said, such as an error, in one line, without the label that Pulumi's CLI begins it with."""
    return " ".join(str(said).split()).removeprefix("error: ")
