"""How an API of Google says no."""


class RefusedError(Exception):
    """An answer that is an error: status, message, and the reason that stands in its details."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason
