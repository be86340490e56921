"""A blocking HTTP client on the standard library alone.

Number arrays travel as base64 of little-endian u32 and f32 (`encoding: "b64"`) and arrive as
`array.array`, so that `torch.frombuffer` or `numpy.frombuffer` takes them without a copy. The calls named
`…_arrow` answer record batches instead and need pyarrow.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib import error, request

from .errors import PacelineError

if TYPE_CHECKING:
    from .arrow import ArrowReply

Body = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One finished rollout; `logprobs[i]` belongs to `output_token_ids[i]`."""

    output_token_ids: array[int]
    logprobs: array[float]
    spans: list[Body]
    finish_reason: Body
    body: Body
    """The whole reply, without the two arrays."""


@dataclass(frozen=True)
class Failure:
    """A rollout of many, or a sibling, that ended in an error."""

    id: str
    job: str
    error: PacelineError


@dataclass(frozen=True)
class Kept:
    """A rollout of many that was not needed: the server keeps its tokens until the same body is sent again."""

    id: str
    job: str
    tokens: int


@dataclass(frozen=True)
class Group:
    """Siblings in order of their index; `finished` of them have ended by themselves."""

    id: str
    size: int
    need: int
    finished: int
    ended: str
    """`need`, or why the sibling ended without which it could not be met."""
    members: list[Result | Failure]
    summary: Body
    """The server's whole account of the group: replacements, what was cut, lengths, off-policy share."""


class Many:
    """Rollouts as they end; iterate over it once. `summary` is there after the last one."""

    def __init__(self, reply: HTTPResponse) -> None:
        self._reply = reply
        self.summary: Body | None = None

    def __iter__(self) -> Iterator[Result | Failure | Kept]:
        with self._reply:
            for line in self._reply:
                body = json.loads(line)
                if "summary" in body:
                    self.summary = body["summary"]
                elif "id" not in body:
                    raise PacelineError(body["error"])
                elif "kept_tokens" in body:
                    yield Kept(body["id"], body["job"], body["kept_tokens"])
                else:
                    yield _ending(body)
        if self.summary is None:
            raise ConnectionError("the server's reply was cut off: it has no summary")


class Client:
    def __init__(
        self,
        server: str,
        timeout_s: float | None = None,
        *,
        token: str | None = None,
        ca: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
    ) -> None:
        """`timeout_s`: of a socket operation; None waits as long as the rollout takes.

        `token`: bearer token; default the environment's PACELINE_TOKEN. For an `https` server, PEM files: `ca` of
        those that sign its certificate (default PACELINE_CA, then those that Python trusts), and where it asks
        for the client's own, `client_cert` with `client_key`.
        """
        self._server = server.rstrip("/")
        self._timeout_s = timeout_s
        token = token or os.environ.get("PACELINE_TOKEN")
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._tls: ssl.SSLContext | None = None
        if self._server.startswith("https:"):
            self._tls = ssl.create_default_context(cafile=ca or os.environ.get("PACELINE_CA"))
            if client_cert is not None:
                self._tls.load_cert_chain(client_cert, client_key)

    def rollout(
        self, prompt_token_ids: Iterable[int], *, max_new_tokens: int, rollout: Body | None = None, **sampling: Any
    ) -> Result:
        """Run one rollout. `rollout` adds fields of the body (id, job, version, session, …), `sampling` its sampling
        parameters.

        Raises PacelineError for what the server refuses, urllib's URLError if it cannot be reached.
        """
        body = _rollout(prompt_token_ids, max_new_tokens, rollout, sampling)
        return _result(self.call("POST", "/v1/rollouts", body))

    def many(self, rollouts: Iterable[Body], defaults: Body | None = None, *, need: Body | None = None) -> Many:
        """Run many rollouts, each a body as docs/contract.md has it; `defaults` holds what they share.

        `need`: `{"groups": k, "members": m, "partial": "return" | "keep" | "drop"}`; once k groups are whole the rest is
        over. What is kept comes as `Kept`; send the same bodies again to go on with it.
        """
        return Many(self._open("POST", "/v1/rollouts/many", _many(rollouts, defaults, need), "application/x-ndjson"))

    def many_arrow(
        self, rollouts: Iterable[Body], defaults: Body | None = None, *, need: Body | None = None
    ) -> ArrowReply:
        """The same as record batches: about 4 MiB each, or what has finished within 100 ms."""
        return self.call_arrow("POST", "/v1/rollouts/many", _many(rollouts, defaults, need))

    def group(
        self,
        prompt_token_ids: Iterable[int],
        *,
        size: int,
        max_new_tokens: int,
        need: int | None = None,
        rollout: Body | None = None,
        **sampling: Any,
    ) -> Group:
        """Run `size` siblings of one prompt; once `need` of them have finished the others end with what they have."""
        body = {**_rollout(prompt_token_ids, max_new_tokens, rollout, sampling), "size": size, "need": need}
        reply = self.call("POST", "/v1/groups", body)
        told = reply["group"]
        return Group(
            id=told["id"],
            size=told["size"],
            need=told["need"],
            finished=told["finished"],
            ended=told["ended"],
            members=[_ending(member) for member in reply["rollouts"]],
            summary=told,
        )

    def group_arrow(
        self,
        prompt_token_ids: Iterable[int],
        *,
        size: int,
        max_new_tokens: int,
        need: int | None = None,
        rollout: Body | None = None,
        **sampling: Any,
    ) -> ArrowReply:
        body = {**_rollout(prompt_token_ids, max_new_tokens, rollout, sampling), "size": size, "need": need}
        return self.call_arrow("POST", "/v1/groups", body)

    def finish_session(self, session: str, job: str = "default") -> Body:
        """The session is over; a turn is a rollout with `{"session": {"id": …, "turn": …}}`."""
        return self.call("POST", f"/v1/sessions/{session}/finish?job={job}")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the HTTP surface, JSON both ways."""
        with self._open(method, path, body, "application/json") as reply:
            return json.load(reply)

    def call_arrow(self, method: str, path: str, body: Any = None) -> ArrowReply:
        """Any call that answers rollouts, as record batches. Needs pyarrow."""
        from .arrow import ArrowReply

        return ArrowReply(self._open(method, path, body, "application/vnd.apache.arrow.stream"))

    def _open(self, method: str, path: str, body: Any, accept: str) -> HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "accept": accept, **({} if data is None else {"content-type": "application/json"})}
        outgoing = request.Request(self._server + path, data=data, headers=headers, method=method)
        try:
            return request.urlopen(outgoing, timeout=self._timeout_s, context=self._tls)
        except error.HTTPError as refused:
            raise PacelineError(json.load(refused)["error"]) from None


def _rollout(prompt: Iterable[int], max_new_tokens: int, more: Body | None, sampling: Body) -> Body:
    return {
        **(more or {}),
        "prompt_token_ids": _encode("I", prompt),
        "sampling": {"max_new_tokens": max_new_tokens, **sampling},
        "encoding": "b64",
    }


def _many(rollouts: Iterable[Body], defaults: Body | None, need: Body | None) -> Body:
    packed = [{**one, "prompt_token_ids": _encode("I", one["prompt_token_ids"])} for one in rollouts]
    return {"rollouts": packed, "defaults": {**(defaults or {}), "encoding": "b64"}, "need": need}


def _ending(body: Body) -> Result | Failure:
    if "error" in body:
        return Failure(body["id"], body["job"], PacelineError(body["error"]))
    return _result(body)


def _result(body: Body) -> Result:
    ids = _decode("I", body.pop("output_token_ids"))
    logprobs = _decode("f", body.pop("logprobs"))
    if len(ids) != len(logprobs):
        raise ValueError(f"{len(ids)} tokens but {len(logprobs)} logprobs")
    return Result(ids, logprobs, body["spans"], body["finish_reason"], body)


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
