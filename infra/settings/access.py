"""Who may ask: whether a key is wanted, whose signatures count, and which keys there are.

A key is a signed token (JWT). A stack file holds what is public about those of the stack: the public keys that their
signatures are checked with, and a record of each token, which is not the token. `python -m ops keys` writes both.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo
from pydantic.alias_generators import to_camel

from .scalars import TrueOrFalse

OURS = "gke-tpu-inference/"
SIGNING_KEY = "tokenSigningKey"
"""In a stack's configuration, encrypted: for `ops keys` alone. The program throws it away unread."""
MOST_TOKENS = 300
"""Records of a stack. The engine passes the configuration to the program as one environment variable, and Linux ends
those at 128 KiB (MAX_ARG_STRLEN in execve(2)); a record takes about 200 bytes."""


def issuer(project: str, stack: str) -> str:
    """Who signs the tokens of a stack, and whom they are for: one of staging is nothing to prod."""
    return f"{OURS}{project}/{stack}"


def key_id(public_key: str) -> str:
    """The name of a public key, which follows from it."""
    return hashlib.sha256(public_key.encode()).hexdigest()[:12]


def _is_ed25519(text: str) -> bool:
    try:
        return len(text) == 43 and len(base64.b64decode(f"{text}=", altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _issuer(name: str) -> str:
    if name.startswith(OURS):
        raise ValueError("is a stack's own issuer. Remove it here: its tokens come from `python -m ops keys create`.")
    if not re.fullmatch(r"[!-)+-~]{1,255}", name):
        raise ValueError(
            "is no issuer. Write what its tokens have as `iss`, like https://accounts.google.com: at most 255 visible "
            "characters, and no asterisk."
        )
    return name


def _audiences(audiences: tuple[str, ...]) -> tuple[str, ...]:
    if not audiences or not all(re.fullmatch(r"[!-~]{1,255}", audience) for audience in audiences):
        raise ValueError(
            "names nobody. Write what tokens for this endpoint have as `aud`: without it, one that was made for another"
            " service would be good here."
        )
    return audiences


def _https(address: str) -> str:
    try:
        url = urlsplit(address)
        good = url.scheme == "https" and url.hostname and url.port != 0 and re.fullmatch(r"[!-~]+", address)
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            "is no address that begins with https://. Write where the issuer publishes its keys, like "
            "https://www.googleapis.com/oauth2/v3/certs."
        )
    return address


def _time(time: str) -> str:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time, re.ASCII):
            raise ValueError
        datetime.fromisoformat(time)
    except ValueError:
        raise ValueError("is not a time in UTC. Write it like '2026-01-03T04:00:00Z'.") from None
    return time


def _token_id(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{16}", text):
        raise ValueError("is no token's id, which is 16 of 0-9 and a-f. `python -m ops keys list` shows them.")
    return text


def token_name(text: str) -> str:
    """The name of a token. Raises `ValueError`."""
    if not re.fullmatch("[a-z0-9][a-z0-9._@-]{0,62}", text):
        raise ValueError(
            "is no name of a token: at most 63 lower-case letters, digits, dots, hyphens, underscores and @, a letter "
            "or digit first. Choose another."
        )
    return text


_ENTRY = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class TokenIssuer(BaseModel):
    """Somebody else whose tokens are keys here: their `iss`, the `aud` that are meant for this endpoint, and where the
    public keys are (JWKS), which istiod fetches."""

    model_config = _ENTRY

    issuer: Annotated[str, AfterValidator(_issuer)]
    audiences: Annotated[tuple[str, ...], AfterValidator(_audiences)]
    jwks_uri: Annotated[str, AfterValidator(_https)]


class PublicKey(BaseModel):
    """The public half of a signing key of the stack: Ed25519, 32 bytes in base64url without padding (RFC 8037)."""

    model_config = _ENTRY

    public_key: str
    id: str

    @property
    def jwk(self) -> dict[str, str]:
        """As a JSON Web Key."""
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": self.public_key}


class Token(BaseModel):
    """What is known of a token: not the token. `id` is its `jti`, `name` its `sub`, `key` the id of the public key.

    Without `models` it may use all; else those, as `namespace/name`. It ends by itself when it `expires`.
    """

    model_config = _ENTRY

    id: Annotated[str, AfterValidator(_token_id)]
    name: Annotated[str, AfterValidator(token_name)]
    key: str
    expires: Annotated[str, AfterValidator(_time)]
    models: tuple[str, ...] = ()
    revoked: TrueOrFalse = False


def _once(what: str, values: list[str]) -> None:
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"has {what} {twice[0]} more than once. Remove all but one.")


def _check_issuers(issuers: tuple[TokenIssuer, ...], info: ValidationInfo) -> tuple[TokenIssuer, ...]:
    _once("the issuer", [one.issuer for one in issuers])
    if issuers and info.data.get("auth") == "none":
        raise ValueError(
            "has no effect, as nobody is asked for a key while `auth` is none. Run `pulumi config set auth tokens`, or "
            "remove it."
        )
    return issuers


def _check_keys(keys: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    for key in keys:
        if not _is_ed25519(key.public_key) or key.id != key_id(key.public_key):
            raise ValueError(
                f"has a key {key.id}, which is not the id of its `publicKey`, or that is none. Put the entry back as "
                "`python -m ops keys` wrote it, or run `python -m ops keys rotate --compromised`."
            )
    _once("the key", [key.id for key in keys])
    return keys


def _check_tokens(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    _once("the token", [token.id for token in tokens])
    if len(tokens) > MOST_TOKENS:
        raise ValueError(
            f"has {len(tokens)} tokens, and {MOST_TOKENS} are the most. Let many clients use an issuer of their own "
            "(`tokenIssuers`)."
        )
    return tokens


Auth = Literal["none", "tokens"]
TokenIssuers = Annotated[tuple[TokenIssuer, ...], AfterValidator(_check_issuers)]
PublicKeys = Annotated[tuple[PublicKey, ...], AfterValidator(_check_keys)]
Tokens = Annotated[tuple[Token, ...], AfterValidator(_check_tokens)]


def signing_key_problems(given: object, secrets: Collection[str]) -> Iterator[str]:
    """What is wrong with how the signing key is kept; nothing looks at it."""
    if given and SIGNING_KEY not in secrets:
        yield (
            f"{SIGNING_KEY}: is stored in plain text, so everyone who has read it can make keys. Run `python -m ops "
            "keys rotate --compromised`, which ends all that it has signed."
        )


def warnings(auth: str, keys: Collection[Any], issuers: Collection[Any]) -> Iterator[str]:
    """What locks everybody out."""
    if auth == "tokens" and not keys and not issuers:
        yield (
            "auth: tokens, and no key counts yet, so nobody may ask. Run `python -m ops keys create --name NAME`, or "
            "name an issuer in `tokenIssuers`."
        )
