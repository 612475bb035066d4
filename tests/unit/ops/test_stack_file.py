"""The settings of a stack, from its file alone."""

from pathlib import Path

import pytest

from ops.stack_file import NO_PROJECT, StackFileError, stack
from tests.support.project import ROOT, STACKS

PREFIX = "gke-tpu-inference:"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with Pulumi.yaml and one stack, `mine`, like dev."""
    for source, target in (("Pulumi.yaml", "Pulumi.yaml"), ("Pulumi.dev.yaml", "Pulumi.mine.yaml")):
        (tmp_path / target).write_text((ROOT / source).read_text())
    return tmp_path


def add(folder: Path, text: str) -> Path:
    with (folder / "Pulumi.mine.yaml").open("a") as file:
        file.write(text)
    return folder


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_of_the_repository_is_read(name: str) -> None:
    read = stack(name)
    assert read.settings.labels["environment"] == name
    assert (read.has_project, read.settings.project) == (False, NO_PROJECT)


def test_project_is_the_files_unless_another_is_named(folder: Path) -> None:
    add(folder, "  gcp:project: of-the-file\n")

    assert stack("mine", folder).has_project
    assert stack("mine", folder).settings.project == "of-the-file"
    assert stack("mine", folder, project="of-the-command").settings.project == "of-the-command"


def test_project_that_is_only_named_counts(folder: Path) -> None:
    assert stack("mine", folder, project="of-the-command").has_project


def test_organization_before_the_name_does_not_matter(folder: Path) -> None:
    assert stack("acme/mine", folder) == stack("mine", folder)


def test_encrypted_settings_are_named_and_not_needed(folder: Path) -> None:
    add(folder, f"  {PREFIX}huggingFaceToken:\n    secure: AAAA\n")
    assert stack("mine", folder).secrets == {"huggingFaceToken"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"  {PREFIX}tpuSlice: v6e-3\n", 'tpuSlice: "v6e-3" is not a slice of one host.'),
        (f"  {PREFIX}location:\n    secure: AAAA\n", "location: is encrypted"),
        ("  gke-tpu-inferenc:location: x\n", "gke-tpu-inferenc:location: is no setting of this project"),
        (" : [\n", "Pulumi.mine.yaml cannot be read"),
        (
            "  1: x\n  off: x\n",
            "Pulumi.mine.yaml cannot be read: `config` has keys that are no text: 1, False. Remove them",
        ),
    ],
)
def test_what_is_wrong_is_told_as_the_program_tells_it(folder: Path, text: str, says: str) -> None:
    with pytest.raises(StackFileError) as wrong:
        stack("mine", add(folder, text))
    assert says in str(wrong.value)


def test_settings_of_other_namespaces_and_of_providers_are_left_alone(folder: Path) -> None:
    add(folder, "  other:key: value\n  gcp:disableGlobalProjectWarning: true\n")
    assert stack("mine", folder).settings == stack("dev").settings.model_copy(
        update={"project": NO_PROJECT, "stack": "mine"}
    )


def test_file_that_is_no_mapping_is_told(folder: Path) -> None:
    (folder / "Pulumi.mine.yaml").write_text("config: [a]")
    with pytest.raises(StackFileError, match="it is no mapping with `config` in it"):
        stack("mine", folder)


def test_stack_without_a_file_is_told_with_those_that_have_one(folder: Path) -> None:
    with pytest.raises(StackFileError, match=r"there is no Pulumi.other.yaml. Stacks with a file: mine. Copy"):
        stack("other", folder)
