"""What a person sees who asks for help, or types something wrong."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from tests.support.project import ROOT

COMMANDS = [
    "smoke",
    "recover",
    "teardown",
    "report",
    "fit",
    "diagnose",
    "watch",
    "status",
    "preflight",
    "timeline",
    "load",
    "images",
    "stacks",
    "cost",
    "pause",
    "resume",
    "keys",
]

HEAVY = ("google.cloud", "kubernetes", "openai", "pulumi", "pydantic")


def ask(*arguments: str) -> tuple[int, list[str]]:
    """Exit code, and the lines of the answer."""
    done = CliRunner().invoke(app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output.splitlines()


def test_help_lists_the_commands_with_what_each_does_in_whole() -> None:
    code, lines = ask("--help")
    listed = [line.split(maxsplit=1) for line in lines[lines.index("Commands:") + 1 :]]
    assert (code, [name for name, _ in listed]) == (0, COMMANDS)
    assert not any(what.endswith("...") for _, what in listed)


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"keys {c}" for c in ("create", "list", "revoke", "rotate", "token"))]
)
def test_help_of_a_command_says_what_it_needs_and_prints(command: str) -> None:
    code, lines = ask(*command.split(), "--help")
    said = " ".join(" ".join(lines).split())
    assert code == 0
    assert "It needs " in said
    assert "It prints " in said


def test_help_needs_neither_clients_nor_the_sdk_nor_settings() -> None:
    program = "import sys; from ops.__main__ import app; app(['--help'], standalone_mode=False); "
    program += f"print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("smok", "No such command 'smok'. Did you mean 'smoke'?"),
        ("smoke", "Missing option '--url'."),
        ("smoke --uri x", "No such option: --uri (Possible options: --url)"),
        ("smoke --url", "Option '--url' requires an argument."),
        (
            "smoke --url https://a --ca none.pem",
            "--ca none.pem: No such file or directory. Write the stack output: pulumi stack output caCertificate > "
            "none.pem",
        ),
        ("timeline none.json", "none.json: there is no such file"),
        ("recover", "Missing option '--stack'."),
        ("recover --stack dev --id x", "Invalid value for '--id': 'x' is not a URN, an equals sign and an id"),
        ("report --stack dev", "Missing argument 'EVENTS'."),
        ("report e --stack dev --kind x", "'x' is not one of 'preview', 'drift'."),
        ("keys create --stack dev", "Missing option '--name'."),
        ("keys create --stack dev --name A", "Invalid value for '--name': 'A' is no name of a token: at most 63"),
        ("keys create --stack dev --name a --days 0", "'--days': Input should be greater than or equal to 1"),
        ("keys create --stack dev --name a --days 366", "'--days': Input should be less than or equal to 365"),
        ("keys token --stack dev --minutes 61", "'--minutes': Input should be less than or equal to 60"),
        ("keys revoke --stack dev", "Missing argument 'ID'."),
        ("keys list --stack dev --cwd tests", "tests has no Pulumi.yaml that names a project: give --cwd"),
        ("diagnose", "--stack is missing: the name of the stack, or a way to its cluster with --kubeconfig"),
        ("watch", "--stack is missing: the name of the stack, or a way to its cluster with --kubeconfig"),
        ("diagnose --kubeconfig none", "--kubeconfig none: there is no such file"),
        ("watch --stack dev --timeout 0", "'--timeout': Input should be greater than or equal to 1"),
        ("load --stack dev --concurrency 0", "'--concurrency': Input should be greater than or equal to 1"),
        ("load --stack dev --rounds 0", "'--rounds': Input should be greater than or equal to 1"),
        ("teardown", "--stack is missing: the name of the stack to delete"),
        ("teardown --leftovers-only", "--stack is missing: the name of the stack to delete"),
        ("teardown --stack d --project p", "--project goes with --leftovers-only and --cluster"),
        ("teardown --leftovers-only --project p", "--project goes with --leftovers-only and --cluster"),
        ("teardown --stack d --remove 1", "--remove 1 is no digest. Run it without, and take digests from the list"),
        ("teardown --stack d --remove-disks x", "--remove-disks x is no digest."),
        (
            "teardown --leftovers-only --project p --cluster l/c --network default",
            "--network 'default' is no name that",
        ),
        ("teardown --leftovers-only --project p --cluster l/c --mark x", "--mark 'x' is no mark"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    code, lines = ask(*arguments.split())
    assert (code, lines[-1][:7]) == (2, "Error: ")
    assert message in lines[-1]


@pytest.mark.parametrize("command", ["recover", "teardown", "diagnose", "watch", "status", "keys list"])
def test_missing_engine_is_one_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    expected = "Error: pulumi is not on PATH. Install it: https://www.pulumi.com/docs/install/"
    assert ask(*command.split(), "--stack=dev") == (2, [expected])


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--url", "34.7.208.8", "'34.7.208.8' is not a URL. Use the stack output"),
        ("--url", "http://", "'http://' is not a URL. Use the stack output"),
        ("--url", "ftp://34.7.208.8", "'ftp://34.7.208.8' is not a URL"),
        (
            "--url",
            "http://34.7.208.8:99999/a/b",
            "'http://34.7.208.8:99999/a/b' is not a URL: Port out of range 0-65535",
        ),
        ("--url", "http://34.7.208.8:http", "'http://34.7.208.8:http' is not a URL: Port could not be cast"),
        ("--url", "http://[::1/a", "'http://[::1/a' is not a URL: Invalid IPv6 URL"),
        ("--timeout", "-1", "'-1' is not a number of seconds above 0"),
        ("--timeout", "0", "'0' is not a number of seconds above 0"),
        ("--timeout", "nan", "'nan' is not a number of seconds above 0"),
        ("--timeout", "1m", "'1m' is not a number of seconds above 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(option: str, value: str, message: str) -> None:
    arguments = {"--url": "http://127.0.0.1:9", option: value}
    code, lines = ask("smoke", *(f"{key}={value}" for key, value in arguments.items()))
    assert code == 2
    assert lines[-1].startswith(f"Error: Invalid value for '{option}': {message}")


def test_no_paths_at_all_is_one_line() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m ops stacks <&-', sys.executable],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Error: no FILE, and standard input has none either" in done.stderr.splitlines()[-1]


def test_images_are_listed_for_a_tool_that_copies_them() -> None:
    code, lines = ask("images", "europe-docker.pkg.dev/p/images")
    digest = "sha256:d6748bc7b1b020ab6411506d4bf30f8bfabb5db2b8505328f26d1a545b479df8"
    assert code == 0
    assert f"docker.io/vllm/vllm-tpu:v0.27.0@{digest} europe-docker.pkg.dev/p/images/vllm/vllm-tpu:v0.27.0" in lines
    for tag in ("1.31.4", "1.31.4-distroless"):
        assert f"docker.io/istio/pilot:{tag} europe-docker.pkg.dev/p/images/istio/pilot:{tag}" in lines
    assert "ghcr.io/kedacore/keda:2.21.0 europe-docker.pkg.dev/p/images/kedacore/keda:2.21.0" in lines
