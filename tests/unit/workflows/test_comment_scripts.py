"""The comments on a pull request, whose text its own code has made."""

import re

import pytest

from tests.support.jobs import Shell
from tests.support.workflows import script

GH = """
printf '%s\\n' "$*" >> "$RUNNER_TEMP/calls"
for argument; do
  case "$argument" in
  body=@*) cp "${argument#body=@}" "$(mktemp "$RUNNER_TEMP/sent-XXXXXX")" ;;
  esac
done
case "$*" in
*/pulls*) printf '%s' "$PULL" ;;
*--paginate*) printf '%b' "$COMMENTS" ;;
esac
"""
OF = "<!-- gke-tpu-inference:preview:{} -->"
RUN = {
    "REPOSITORY": "o/r",
    "OWNER": "fork",
    "BRANCH": "b",
    "COMMIT": "c0ffee" * 6 + "c0ff",
    "RUN_URL": "https://run",
    "PULL": "7",
}


class Comments:
    """The comments that the workflow writes; `existing` are (id, stack)."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        shell.program("gh", GH)
        (shell.temp / "previews").mkdir()

    def preview(self, name: str, text: str) -> None:
        (self.shell.temp / "previews" / name).write_text(text)

    def write(self, *existing: tuple[int, str], conclusion: str = "success", **changes: str) -> list[str]:
        """The calls after the first two, which look."""
        comments = "".join(f"{number}\\t{OF.format(stack)}\\n" for number, stack in existing)
        text = script("workflows/comment.yml", "Write the comments")
        done = self.shell.run(text, **{**RUN, "COMMENTS": comments, "CONCLUSION": conclusion, **changes})
        assert done.returncode == 0, done.stderr
        calls = re.split(r"\n(?=api )", (self.shell.temp / "calls").read_text().rstrip())
        return [re.sub(r" -F body=.*", "", call.removeprefix("api --silent ")) for call in calls][2:]

    def sent(self) -> str:
        [body] = self.shell.temp.glob("sent-*")
        return body.read_text()


@pytest.fixture
def comments(shell: Shell) -> Comments:
    return Comments(shell)


def test_a_first_preview_makes_a_comment_with_its_mark(comments: Comments) -> None:
    comments.preview("dev.md", f"{OF.format('dev')}\n## dev\n")
    assert comments.write() == ["repos/o/r/issues/7/comments"]
    first, disclaimer, *_, last = comments.sent().splitlines()
    assert (first, last) == (OF.format("dev"), "## dev")
    assert disclaimer.endswith("c0ff, [run](https://run). The code of this pull request made the text below.")


@pytest.mark.parametrize("end", ["<!--", "```", "<details>", "<pre>", "[run]: https://evil"])
def test_what_a_report_opens_and_does_not_close_swallows_nothing_of_ours(comments: Comments, end: str) -> None:
    comments.preview("dev.md", f"## dev\n{end}")
    comments.write()
    ours, _, theirs = comments.sent().partition("\n---\n")
    assert "The code of this pull request made the text below." in ours
    assert theirs.strip() == f"## dev\n{end}"


def test_a_commit_or_number_that_is_none_stops_the_comments(comments: Comments) -> None:
    text = script("workflows/comment.yml", "Write the comments")
    for bad in ({"COMMIT": '") | .id, "'}, {"PULL": "7/../8"}):
        assert comments.shell.run(text, **{**RUN, "COMMENTS": "", "CONCLUSION": "success", **bad}).returncode != 0


def test_later_previews_update_it_and_only_it(comments: Comments) -> None:
    comments.preview("dev.md", "## dev\n")
    assert comments.write((1, "dev-2"), (2, "dev"), conclusion="failure") == [
        "--method PATCH repos/o/r/issues/comments/2"
    ]


def test_the_comment_of_a_stack_that_is_not_touched_any_more_goes(comments: Comments) -> None:
    assert comments.write((1, "dev"), (2, "prod")) == [
        "--method DELETE repos/o/r/issues/comments/1",
        "--method DELETE repos/o/r/issues/comments/2",
    ]


def test_a_run_that_failed_removes_no_comment(comments: Comments) -> None:
    assert comments.write((1, "dev"), conclusion="failure") == []


def test_what_a_pull_request_names_badly_or_marks_falsely_is_harmless(comments: Comments) -> None:
    comments.preview("$(touch pwned).md", "x")
    comments.preview("dev.md", f"{OF.format('prod')}\n" + "ä" * 50_000)
    (comments.shell.temp / "previews" / "link.md").symlink_to("/etc/passwd")
    assert comments.write() == ["repos/o/r/issues/7/comments"]
    assert comments.sent().startswith(OF.format("dev"))
    assert len(comments.sent().encode()) < 65_536
    assert list(comments.shell.work.iterdir()) == []


def test_a_commit_that_is_not_the_newest_gets_no_comment(comments: Comments) -> None:
    comments.preview("dev.md", "x")
    assert comments.write((1, "dev"), PULL="") == []
