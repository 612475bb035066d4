"""A gateway that wants keys, asked with nothing put right as clients do, and keys of every kind for it."""

import json
import socket
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from typing import Any, NamedTuple

import jwt

from infra.settings.access import SIGNING_KEY
from ops.keys.signing import Signer
from sandbox.cluster.control_plane import ControlPlane
from sandbox.engine.stack import SandboxStack

from .project import PREFIX
from .raw_requests import Reached, proxy, reached_by
from .stacks import MODEL, OTHER

ISSUER = "gke-tpu-inference/simulated-project/dev"
TWO_MODELS = {"auth": "tokens", "models": [MODEL, OTHER], "tpuMaxNodes": 2}
"""Settings by which two models are behind keys."""
NAME, FOREIGN = (f"{model['namespace']}/{model['name']}" for model in (MODEL, OTHER))
COMPLETION: dict[str, Any] = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 4}
Headers = list[tuple[str, str]]


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def code(self) -> str:
        """OpenAI's code of the error, if it is one in OpenAI's shape."""
        try:
            error = json.loads(self.text)["error"]
        except (ValueError, KeyError, TypeError):
            return ""
        return error["code"] if set(error) == {"message", "type", "param", "code"} else ""


class Endpoint:
    """The stack's gateway, asked with nothing put right as clients do, and what gets further."""

    def __init__(self, stack: SandboxStack, plane: ControlPlane) -> None:
        self.stack, self._plane = stack, plane
        self.address: str = stack.outputs()["gatewayAddress"]
        self.signer = Signer(stack.stack.get_config(PREFIX + SIGNING_KEY).value)

    def ask(self, path: str, headers: Headers, body: Any = None) -> Answer:
        """A GET, or with a body a POST."""
        data = b"" if body is None else json.dumps(body).encode()
        fields = [("Host", self.address), ("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        lines = [f"{'POST' if data else 'GET'} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in [*fields, *headers])]
        with socket.create_connection((self.address, 80), timeout=60) as connection:
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + data)
            answer = HTTPResponse(connection)
            answer.begin()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())

    def further(self) -> Reached:
        """What has reached the pickers and the models so far; not what asks for their health and metrics."""
        return reached_by(proxy(self._plane)[0], "*_main*", self._plane)

    def token(self, *, name: str = "ann", models: tuple[str, ...] = (), **changes: Any) -> str:
        """A token as `ops keys` signs it, or with other claims."""
        now, token_id = datetime.now(UTC).replace(microsecond=0), changes.pop("jti", "0" * 16)
        signer = changes.pop("signer", self.signer)
        begins, lasts = changes.pop("begins", now), changes.pop("lasts", timedelta(hours=1))
        issuer = changes.pop("issuer", ISSUER)
        whole = signer.token(issuer, name=name, token_id=token_id, models=models, begins=begins, lasts=lasts)
        if not changes:
            return whole
        claims = {**jwt.decode(whole, options={"verify_signature": False}), **changes}
        return jwt.encode(claims, signer._key, algorithm="EdDSA", headers={"kid": signer.public.id})


def bearer(token: str) -> Headers:
    return [("Authorization", f"Bearer {token}")]


def tampered(token: str) -> str:
    head, claims, signature = token.split(".")
    return f"{head}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def unsigned(token: str) -> str:
    return jwt.encode(jwt.decode(token, options={"verify_signature": False}), "", algorithm="none")


def signed_with_the_public_key(endpoint: Endpoint) -> str:
    """By a server that takes the algorithm from the token, this would be a signature."""
    claims = jwt.decode(endpoint.token(), options={"verify_signature": False})
    public = endpoint.signer.public
    return jwt.encode(claims, public.public_key, algorithm="HS256", headers={"kid": public.id})
