"""Paths that are meant to get by a check that compares paths."""

from collections.abc import Iterable

from hypothesis import strategies as st

SEPARATORS = ["//", "/./", "/x/../", "/x/%2e%2e/", "%2F", "%2f", "\\", "%5C", "/;x/", "/.;/"]
ENDINGS = [
    "",
    "/",
    "/.",
    "/..",
    ".",
    "%20",
    ";x=1",
    "?x=1",
    "#x",
    "%00",
    "%0d%0aAuthorization:%20x",
    "/%2e",
    "%2f",
    "..;/",
]


def smuggled(name: str, paths: Iterable[str], *, inside: str) -> st.SearchStrategy[str]:
    """Ways to write the paths of a model that somebody might take for them, some through the base path of another."""
    slashes = st.sampled_from([f"/{name}{path}" for path in paths]).flatmap(
        lambda path: st.tuples(st.just(path), st.integers(0, path.count("/") - 1), st.sampled_from(["/", *SEPARATORS]))
    )

    def spelled(drawn: tuple[str, int, str]) -> str:
        path, at, separator = drawn
        parts = path.split("/")[1:]
        return "/" + "/".join(parts[:at]) + (separator if at else "/") + "/".join(parts[at:])

    through = st.sampled_from(
        ["", "", f"/{inside}/../..", f"/{inside}/%2e%2e/%2e%2e", f"/{inside}/..%2f..", f"/{inside}/v1/../../.."]
    )
    whole = st.tuples(through, slashes.map(spelled), st.sampled_from(ENDINGS)).map("".join)
    upper = st.sampled_from(
        [str, str, str.upper, lambda text: text.replace("v1", "V1"), lambda text: text.replace("v", "%76")]
    )
    return st.tuples(upper, whole).map(lambda drawn: drawn[0](drawn[1]))
