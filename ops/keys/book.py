"""The keys of a stack: what its configuration says of them, and what becomes of that."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError

from infra.settings.access import SIGNING_KEY, PublicKey, PublicKeys, Token, Tokens, issuer

from .signing import Signer, new_key

TOKENS, PUBLIC = "tokens", "tokenPublicKeys"


class KeysError(Exception):
    """It cannot be done; the message says why and what to do, in a line."""


class Store(Protocol):
    """A stack's configuration."""

    stack: str

    def values(self) -> dict[str, Any]:
        """What is set, by key; those of secrets are None."""
        ...

    def secret(self, key: str) -> str:
        """A secret, decrypted."""
        ...

    def set_secret(self, key: str, value: str) -> None:
        """Encrypt a value."""
        ...

    def set(self, values: dict[str, list[Any]]) -> None:
        """Write lists in plain text."""
        ...


class Made(NamedTuple):
    """A token, its record, and whether the stack must be updated before it counts."""

    token: str
    record: Token
    update: bool


def _plain(entries: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [entry.model_dump(mode="json", by_alias=True, exclude_defaults=True) for entry in entries]


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


class Book:
    """Reads the keys of a stack from its configuration, and writes what changes.

    The signing key is asked for only to sign. What has ended goes with the next change: records of tokens, and public
    keys that no token is left of. The last public key is that of the signing key. Raises `KeysError`.
    """

    def __init__(self, store: Store, now: datetime | None = None) -> None:
        self._store = store
        self.now = (now or datetime.now(UTC)).replace(microsecond=0)
        self._values = store.values()
        try:
            self._public = TypeAdapter[tuple[PublicKey, ...]](PublicKeys).validate_python(self._given(PUBLIC))
            self.tokens = TypeAdapter[tuple[Token, ...]](Tokens).validate_python(self._given(TOKENS))
        except ValidationError as wrong:
            told = wrong.errors(include_url=False)[0]
            raise KeysError(
                f"`{TOKENS}` or `{PUBLIC}` of stack {store.stack} is not what `ops keys` writes, and "
                f"{told['msg'].removeprefix('Value error, ')} Put it back as it was."
            ) from None

    def _given(self, key: str) -> Any:
        return self._values.get(key) or []

    @property
    def wanted(self) -> bool:
        """Whether the stack asks for keys at all."""
        return self._values.get("auth") == "tokens"

    def state(self, token: Token) -> str:
        """What a token is now."""
        if token.expires <= _text(self.now):
            return "ended"
        if token.revoked:
            return "revoked"
        return "valid" if token.key in {key.id for key in self._public} else "key is gone"

    def _issuer(self) -> str:
        project = self._values.get("gcp:project")
        if not project:
            raise KeysError(
                "gcp:project is not set, and a token is for one project. Run `pulumi config set gcp:project`"
            )
        return issuer(project, self._store.stack.rsplit("/", 1)[-1])

    def _signer(self) -> Signer | None:
        if SIGNING_KEY not in self._values:
            return None
        try:
            return Signer(self._store.secret(SIGNING_KEY))
        except ValueError:
            raise KeysError(f"{SIGNING_KEY} is no signing key. Run `python -m ops keys rotate --compromised`") from None

    def _write(self, tokens: Sequence[Token], public: Sequence[PublicKey]) -> None:
        live = [token for token in tokens if self.state(token) != "ended"]
        used = {token.key for token in live}
        kept = [key for key in public[:-1] if key.id in used] + list(public[-1:])
        self._store.set({TOKENS: _plain(live), PUBLIC: _plain(kept)})

    def create(self, name: str, models: Sequence[str], days: int) -> Made:
        """A new token, whose record is written; the first one makes the signing key."""
        served = [f"{model.get('namespace')}/{model.get('name')}" for model in self._given("models")]
        if unknown := [model for model in models if model not in served]:
            raise KeysError(f"{unknown[0]} is no model of this stack. It has: {', '.join(served) or 'none'}")
        ours, signer = self._issuer(), self._signer()
        if signer is None:
            made = new_key()
            self._store.set_secret(SIGNING_KEY, made)
            signer = Signer(made)
        token_id, lasts = secrets.token_hex(8), timedelta(days=days)
        token = signer.token(ours, name=name, token_id=token_id, models=models, begins=self.now, lasts=lasts)
        record = Token(id=token_id, name=name, key=signer.public.id, expires=_text(self.now + lasts), models=(*models,))
        known = signer.public in self._public
        self._write([*self.tokens, record], [*(k for k in self._public if k != signer.public), signer.public])
        return Made(token, record, not known)

    def short(self, name: str, minutes: int) -> str:
        """A token of at most an hour, for a check: no record of it is written, so it cannot be revoked alone."""
        ours, signer = self._issuer(), self._signer()
        if signer is None or signer.public not in self._public:
            raise KeysError(
                "the stack has no signing key of which it knows the public key. Run `python -m ops keys create`, and "
                "deploy what it has written"
            )
        lasts = timedelta(minutes=minutes)
        return signer.token(ours, name=name, token_id=secrets.token_hex(8), models=(), begins=self.now, lasts=lasts)

    def revoke(self, which: str) -> Token:
        """The token of this id, or the only one of this name, counts no more once the stack is updated."""
        live = [token for token in self.tokens if self.state(token) != "ended"]
        found = [token for token in live if token.id == which] or [
            token for token in live if token.name == which and not token.revoked
        ]
        if len(found) > 1:
            raise KeysError(f"{which} is the name of several. Give an id: {', '.join(token.id for token in found)}")
        if not found:
            raise KeysError(
                f"no token of the id or name {which} is left to revoke. `python -m ops keys list` shows all"
            )
        gone = found[0].model_copy(update={"revoked": True})
        self._write([gone if token.id == gone.id else token for token in self.tokens], self._public)
        return gone

    def rotate(self, *, compromised: bool) -> PublicKey:
        """A new signing key. What the old ones have signed counts until it ends; if `compromised`, no more."""
        made = new_key()
        self._store.set_secret(SIGNING_KEY, made)
        public = Signer(made).public
        self._write(() if compromised else self.tokens, [*(() if compromised else self._public), public])
        return public
