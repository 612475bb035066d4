"""An issuer of tokens on the sandbox's internet, which gives its public keys out by HTTPS."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.cluster.internet import Internet

HOST = "login.example.com"
AUDIENCE = "llm.example.com"
SETTING = {"issuer": f"https://{HOST}", "audiences": [AUDIENCE], "jwksUri": f"https://{HOST}/keys"}
"""An entry of `tokenIssuers`."""


class TokenIssuer:
    """Signs by RSA, as most do. `asked` has who has asked for the keys, by address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def keys(self) -> bytes:
        """The public keys, as JWKS."""
        key: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()

    def token(self, subject: str, **changes: Any) -> str:
        """A token of an hour, or with other claims."""
        now = int(time.time())
        claims = {"iss": SETTING["issuer"], "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 3600, **changes}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})


@contextmanager
def serve(internet: Internet) -> Iterator[TokenIssuer]:
    """An issuer whose keys can be had."""
    issuer, host = TokenIssuer(), internet.host(HOST)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.client_address[0])
            body = issuer.keys() if self.path == "/keys" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.certificate, host.key)
    with ThreadingHTTPServer((host.address, 443), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
