"""A blocking HTTP client on the standard library alone.

Number arrays travel as base64 of little-endian u32 and f32 (`encoding: "b64"`) and arrive as
`array.array`, so that `torch.frombuffer` or `numpy.frombuffer` takes them without a copy.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib import error, request


class PacelineError(Exception):
    """A typed error of the server. `code` is one of the codes in docs/errors.md."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(f"{body['code']}: {body['message']}")
        self.code: str = body["code"]
        self.retryable: bool = body["retryable"]
        self.details: dict[str, Any] = body.get("details", {})


@dataclass(frozen=True)
class Result:
    """One finished rollout; `logprobs[i]` belongs to `output_token_ids[i]`."""

    output_token_ids: array[int]
    logprobs: array[float]
    spans: list[dict[str, Any]]
    finish_reason: dict[str, Any]
    body: dict[str, Any]
    """The whole reply, without the two arrays."""


class Client:
    def __init__(self, server: str, timeout_s: float | None = None) -> None:
        """`timeout_s`: of a socket operation; None waits as long as the rollout takes."""
        self._server = server.rstrip("/")
        self._timeout_s = timeout_s

    def rollout(
        self, prompt_token_ids: Iterable[int], *, max_new_tokens: int, rollout: dict[str, Any] | None = None, **sampling: Any
    ) -> Result:
        """Run one rollout. `rollout` adds fields of the body (id, job, version, …), `sampling` its sampling parameters.

        Raises PacelineError for what the server refuses, urllib's URLError if it cannot be reached.
        """
        body = {
            **(rollout or {}),
            "prompt_token_ids": _encode("I", prompt_token_ids),
            "sampling": {"max_new_tokens": max_new_tokens, **sampling},
            "encoding": "b64",
        }
        reply = self.call("POST", "/v1/rollouts", body)
        ids = _decode("I", reply.pop("output_token_ids"))
        logprobs = _decode("f", reply.pop("logprobs"))
        if len(ids) != len(logprobs):
            raise ValueError(f"{len(ids)} tokens but {len(logprobs)} logprobs")
        return Result(ids, logprobs, reply["spans"], reply["finish_reason"], reply)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the HTTP surface, JSON both ways."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"content-type": "application/json"}
        outgoing = request.Request(self._server + path, data=data, headers=headers, method=method)
        try:
            with request.urlopen(outgoing, timeout=self._timeout_s) as reply:
                return json.load(reply)
        except error.HTTPError as refused:
            raise PacelineError(json.load(refused)["error"]) from None


def _encode(kind: str, values: Iterable[int]) -> str:
    words = array(kind, values)
    if sys.byteorder == "big":
        words.byteswap()
    return base64.b64encode(words.tobytes()).decode("ascii")


def _decode(kind: str, text: str) -> array:
    words = array(kind)
    words.frombytes(base64.b64decode(text))
    if sys.byteorder == "big":
        words.byteswap()
    return words
