"""Headers of requests that a gateway must not take, drawn from what is known of smuggling and of floods."""

from hypothesis import strategies as st

_LENGTH = st.sampled_from(["Content-Length: 5", "Content-Length: 50", "content-length: 0"])
_CODING = st.sampled_from(
    [
        *("Transfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding: xchunked"),
        *("transfer-encoding: gzip, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding:\tchunked"),
        *("Transfer-Encoding: identity", "Transfer-Encoding: \x0bchunked"),
    ]
)
_ODD = st.sampled_from(
    [
        *("Content-Length: -1", "Content-Length: +5", "Content-Length: 0x5", "Content-Length: 5, 6"),
        *("Content-Length: 99999999999999999999", "Content-Length : 5", "Content-Length: 5 5", "Content_Length: 5"),
        *(
            "a b: c",
            ": a",
            "x: a\0b",
        ),
    ]
)
FRAMING = st.one_of(
    st.tuples(_LENGTH, _CODING).map(list),
    st.tuples(_CODING, _LENGTH).map(list),
    st.tuples(_LENGTH, _LENGTH).filter(lambda pair: pair[0].lower() != pair[1].lower()).map(list),
    st.tuples(_ODD).map(list),
)
"""Of which it is not sure where the request ends."""

TOO_MUCH = st.one_of(
    st.integers(65, 400).map(lambda n: [f"x-{i}: a" for i in range(n)]),
    st.integers(17_000, 80_000).map(lambda n: ["x: " + "a" * n]),
    st.integers(17, 60).map(lambda n: [f"x-{i}: " + "a" * 1000 for i in range(n)]),
    st.integers(17_000, 40_000).map(lambda n: ["x" * n + ": a"]),
)
"""More than 64, or more than 16 KB."""
