"""What the server answers instead of a result."""

from __future__ import annotations

from typing import Any


class PacelineError(Exception):
    """A typed error of the server. `code` is one of the codes in docs/errors.md."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(f"{body['code']}: {body['message']}")
        self.code: str = body["code"]
        self.retryable: bool = body["retryable"]
        self.details: dict[str, Any] = body.get("details", {})
