"""Arrow replies of the server as pyarrow sees them. Needs `pip install pyarrow`; nothing else of the package does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa


class ArrowReply:
    """Record batches of finished rollouts as they come; iterate over it, or take all with `read_all`.

    Columns are those of docs/http.md. What the server says of the whole call is in `metadata`: `group`, `progress`
    from the start, `summary` once all batches have been read. A reply that broke off raises instead.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._reader = pa.ipc.open_stream(body)
        self.schema: pa.Schema = self._reader.schema
        self.metadata: dict[str, Any] = _parse(self.schema.metadata or {})

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch, own = self._reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                return
            self.metadata.update(_parse(own or {}))
            if "error" in self.metadata:
                from .errors import PacelineError

                raise PacelineError(self.metadata["error"])
            if batch.num_rows > 0:
                yield batch

    def read_all(self) -> pa.Table:
        return pa.Table.from_batches(list(self), schema=self.schema)


def _parse(metadata: Any) -> dict[str, Any]:
    named = {key.decode().removeprefix("paceline."): text.decode() for key, text in dict(metadata).items()}
    return {name: text if name == "schema" else json.loads(text) for name, text in named.items()}
