"""Signs tokens: Ed25519 keys, as text, and the JSON Web Tokens (RFC 7519) that they sign."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.settings.access import PublicKey, key_id


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_key() -> str:
    """A new signing key, its 32 bytes in base64url."""
    return _text(Ed25519PrivateKey.generate().private_bytes_raw())


class Signer:
    """Signs with a signing key. Raises `ValueError` if the text is none."""

    def __init__(self, signing_key: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(f"{signing_key}="))

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        public = _text(self._key.public_key().public_bytes_raw())
        return PublicKey.model_validate({"publicKey": public, "id": key_id(public)})

    def token(
        self, issuer: str, *, name: str, token_id: str, models: Sequence[str], begins: datetime, lasts: timedelta
    ) -> str:
        """A token of `issuer`, which is also whom it is for. Without `models` it may use all."""
        claims = {
            **{"iss": issuer, "aud": issuer, "sub": name, "jti": token_id},
            **{"iat": begins, "nbf": begins, "exp": begins + lasts},
            **({"models": list(models)} if models else {}),
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.public.id})
