"""Somebody else's words, in a message of ours."""

from ops.words import one_line


def test_words_are_one_line_without_a_label() -> None:
    assert one_line(ValueError("error:  no stack named\n\t'dev' found\n")) == "no stack named 'dev' found"
    assert one_line("a connection\r\nerror: reset") == "a connection error: reset"
    assert one_line("") == ""
