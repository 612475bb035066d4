"""What stands in for cert-manager's webhook: its authority."""

from typing import Any

from sandbox.api_client import ApiException, Json
from sandbox.programs.cert_manager import kept_authority


class Secrets:
    """An API server that has Secrets and nothing else."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}

    def __call__(self, method: str, path: str, body: Json | None = None, **_: Any) -> Json:
        if method == "GET":
            return self.found[path]
        assert method == "POST"
        assert body
        path = f"{path}/{body['metadata']['name']}"
        if path in self.found:
            raise ApiException(409, "AlreadyExists")
        self.found[path] = body
        return body


def test_authority_of_the_webhook_outlives_its_pod_and_is_another_in_another_cluster() -> None:
    secrets = Secrets()

    def authority(api: Secrets) -> tuple[bytes, bytes]:
        made = kept_authority(api, "cert-manager", "ca")  # pyright: ignore[reportArgumentType]
        return made.cert_pem.bytes(), made.private_key_pem.bytes()

    first = authority(secrets)
    assert authority(secrets) == first
    assert authority(Secrets()) != first
