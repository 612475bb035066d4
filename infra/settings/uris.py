"""Where a model's weights and the charts lie: which URIs can be read.

Sources: https://huggingface.co/docs/huggingface_hub/package_reference/utilities (`validate_repo_id`),
https://github.com/distribution/reference/blob/main/reference.go (names of images),
https://kubernetes.io/docs/concepts/overview/working-with-objects/names (names of claims),
https://cloud.google.com/storage/docs/buckets#naming (of buckets) and
https://git-scm.com/docs/git-check-ref-format (revisions).
"""

import re
from pathlib import Path
from typing import NamedTuple

FORMS = "hf://ORGANISATION/REPOSITORY[:REVISION], gs://BUCKET/PATH, pvc://CLAIM/PATH or oci://REGISTRY/IMAGE:TAG"
MIRROR_FORMS = "an OCI prefix (oci://REGISTRY/PATH, no slash last)"

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_HOST = r"[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
IMAGE_PREFIX = rf"{_HOST}(?:/{_COMPONENT})*"
_VERSION = r"(?::[A-Za-z0-9_][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"


def has_credentials(uri: str) -> bool:
    """Whether something before an @ looks like a user, a token or a password."""
    return bool(re.match(r"[^/]*://[^\s]*@(?!sha[0-9]+:)", uri))


def _no_credentials(uri: str, instead: str) -> None:
    if has_credentials(uri):
        raise ValueError(f"holds credentials, which everyone who reads this file or the cluster would see. {instead}")


def model(uri: str) -> str:
    """A URI from which a model can be served. Raises `ValueError`."""
    scheme, _, rest = uri.partition("://")
    if scheme == "s3":
        raise ValueError(
            "cannot be read: there is no setting for its credentials yet. Use hf://..., or pack the weights into an "
            "image and use oci://..."
        )
    _no_credentials(uri, "Remove them; for Hugging Face set `huggingFaceToken`.")
    if scheme in _RULES and "{{" not in uri and (problem := _RULES[scheme](rest)):
        raise ValueError(problem)
    if scheme not in _RULES or "{{" in uri:
        raise ValueError(f"is not a model URI. Use {FORMS}.")
    return uri


_HF = re.compile(r"([\w.-]+)/([\w.-]+)(?::([\w./-]+))?", re.ASCII)
_COMMIT = "[0-9a-f]{40}"


def moving(uri: str) -> str | None:
    """The repository on Hugging Face of which a URI names no commit, so that it may be other weights tomorrow."""
    form = _HF.fullmatch(uri.removeprefix("hf://")) if uri.startswith("hf://") else None
    return f"{form[1]}/{form[2]}" if form and not re.fullmatch(_COMMIT, form[3] or "") else None


def fixed(uri: str) -> bool:
    """Whether a URI names what it names for ever: a commit, or an image's digest."""
    return bool(re.fullmatch(rf"hf://[^:]+:{_COMMIT}|oci://.+@sha256:[0-9a-f]{{64}}", uri))


_NO_URI = f"is not a model URI. Use {FORMS}."


def _hf(rest: str) -> str | None:
    form = _HF.fullmatch(rest)
    if not form:
        return _NO_URI
    organisation, repository, revision = form.groups()
    name = f"{organisation}/{repository}"
    wrong = (
        any(re.match(r"[-.]", part) or part[-1] in "-." for part in (organisation, repository))
        or "--" in name
        or ".." in name
        or len(name) > 96
        or repository.endswith(".git")
    )
    if wrong:
        return (
            f"names {name}, which Hugging Face takes for no repository: at most 96 characters, no hyphen or dot first "
            "or last, none twice in a row, no .git last. Use its name as its page shows it."
        )
    if revision and "/" in revision:
        # `_download_hf` in python/storage of KServe v0.20.0 takes a third part for a mistake.
        return f"names the revision {revision}, and KServe's storage initializer takes none with a slash. Use a commit."
    if revision and re.search(r"\.\.|^[-.]|\.$|\.lock$", revision):
        return f"names the revision {revision}, which git refuses as a name. Use a branch, a tag or a commit."
    return None


def _pvc(rest: str) -> str | None:
    claim, _, path = rest.partition("/")
    if not claim or re.search(r"[\s{}\0]", rest) or not rest.isprintable():
        return _NO_URI
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", claim) or len(claim) > 253:
        return (
            f"names the claim {claim!r}, and Kubernetes takes lower-case letters, digits, hyphens and dots, a letter "
            "or digit first and last. Use the name that `kubectl get pvc` shows."
        )
    if ".." in path.split("/") or path.startswith("/") or "//" in path:
        return (
            "has a path with .. or an empty part. Use the path below the volume's root, like pvc://CLAIM/models/qwen."
        )
    return None


def _oci(rest: str) -> str | None:
    if not rest or re.search(r"[\s{}\0]", rest) or not rest.isprintable():
        return _NO_URI
    name = rest.partition("@")[0]
    image = re.fullmatch(rf"(?:({_HOST})/)?({_PATH}){_VERSION}", rest, re.ASCII)
    if image is None or (image[1] and image[1] != image[1].lower() and not re.search("[.:]", image[1])):
        return (
            "is not the name of an image: lower-case letters, digits, and between them dots, hyphens and underscores, "
            "then a tag. Use oci://REGISTRY/IMAGE:TAG."
        )
    if ":" not in name.rsplit("/", 1)[-1] and "@" not in rest:
        return "has neither tag nor digest, so it may be another image tomorrow. Use oci://REGISTRY/IMAGE:TAG."
    if len(image[2]) + len(image[1] or "") + 1 > 255:
        return "is longer than the 255 characters that an image's name may have. Use a shorter one."
    return None


class Folder(NamedTuple):
    """A folder of a bucket in Cloud Storage; an empty path is the whole bucket."""

    bucket: str
    path: str


def folder(uri: str) -> Folder | None:
    """The folder that a URI names, if it is one in Cloud Storage."""
    bucket, _, path = uri.removeprefix("gs://").partition("/")
    return Folder(bucket, path) if uri.startswith("gs://") else None


class Repository(NamedTuple):
    """A repository on Hugging Face; an empty revision is its main branch."""

    name: str
    revision: str


def repository(uri: str) -> Repository | None:
    """The repository that a URI names, if it is one on Hugging Face."""
    name, _, revision = uri.removeprefix("hf://").partition(":")
    return Repository(name, revision) if uri.startswith("hf://") else None


_BUCKET = r"[a-z0-9][a-z0-9_.-]*[a-z0-9]"


def _gs(rest: str) -> str | None:
    bucket, slash, path = rest.partition("/")
    if not bucket or re.search(r"[\s{}\0]", rest) or not rest.isprintable():
        return _NO_URI
    parts = bucket.split(".")
    short = 3 <= len(bucket) <= 222 and all(0 < len(part) <= 63 for part in parts)
    if not re.fullmatch(_BUCKET, bucket, re.ASCII) or not short:
        return (
            f"names the bucket {bucket!r}, and Cloud Storage takes 3 to 63 lower-case letters, digits, hyphens, "
            "underscores and dots, a letter or digit first and last. Use the name that `gcloud storage ls` shows."
        )
    if re.fullmatch(r"\d+(\.\d+){3}", bucket, re.ASCII) or bucket.startswith("goog"):
        return (
            f"names the bucket {bucket!r}, and Cloud Storage gives out no name that is an IP address or begins with "
            "goog. Use the name that `gcloud storage ls` shows."
        )
    # The path becomes an option of the mount, where commas, colons and equals signs have a meaning of their own.
    if slash and not all(re.fullmatch(r"[\w.+-]+", part, re.ASCII) and part.strip(".") for part in path.split("/")):
        return (
            "has a path with an empty part, with dots alone, or with a character that a mount does not take. Use "
            "letters, digits, dots, hyphens and underscores, like gs://BUCKET/models/qwen, no slash last."
        )
    return None


_RULES = {"hf": _hf, "gs": _gs, "pvc": _pvc, "oci": _oci}


def mirror(uri: str) -> bool:
    """Whether charts are mirrored in a registry, and not in a directory. Raises `ValueError` if they can be in
    neither."""
    _no_credentials(uri, "Remove them, and log in with `helm registry login`.")
    if "://" in uri:
        if not re.fullmatch(rf"oci://{_HOST}(/{_PATH})?", uri, re.ASCII):
            raise ValueError(f"is neither {MIRROR_FORMS} nor a directory. Use one of them.")
        return True
    folder = Path(uri)
    try:
        if not uri.isprintable():
            raise OSError("it has invisible characters")
        there, directory = folder.exists(), folder.is_dir()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise ValueError(f"cannot be a directory ({reason}). Use the path of one, or {MIRROR_FORMS}.") from None
    if not directory:
        what = "is a file, not a directory" if there else "is no directory: there is nothing of this name"
        raise ValueError(f"{what}. Use the path of one, or {MIRROR_FORMS}.")
    return False
