"""Which APIs of the project are enabled: those that the program enables, and those that are asked here."""

from collections.abc import Collection, Iterator

from .findings import Finding, ok, warn

CHECK = "APIs"


def findings(wanted: Collection[str], enabled: Collection[str], project: str) -> Iterator[Finding]:
    """`pulumi up` enables what is not, so that is no fault; but whatever asks such an API here is left out."""
    missing = [name for name in wanted if name not in enabled]
    if not missing:
        yield ok(CHECK, f"all {len(wanted)} that the stack calls are enabled")
        return
    yield warn(
        CHECK,
        f"{len(missing)} of {len(wanted)} are not enabled, and cannot be asked now: {', '.join(missing)}",
        f"`pulumi up` enables them. To have more checked now: gcloud services enable {' '.join(missing)} "
        f"--project={project}",
    )
