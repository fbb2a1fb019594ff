"""A sink that keeps back the end of a Parquet file, so that something can stand before its footer."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import BinaryIO

_LENGTH_AND_MAGIC = 8


class EndHeld(io.RawIOBase):
    """Passes on what is written; from `hold` to `release` it is kept back.

    Args:
        sink: Where everything goes.
    """

    def __init__(self, sink: BinaryIO) -> None:
        super().__init__()
        self._sink = sink
        self._written = 0
        self._held: bytearray | None = None

    def writable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._written

    def write(self, data: Any, /) -> int:
        """Take all bytes."""
        count = memoryview(data).nbytes
        if self._held is None:
            self._sink.write(data)
        else:
            self._held += data
        self._written += count
        return count

    def hold(self) -> None:
        """Keep back what is written from now on: the footer is part of it."""
        self._held = bytearray()

    def release(self, before_footer: bytes) -> None:
        """Write what was kept back, with something before the footer."""
        held = bytes(self._held or b"")
        footer = int.from_bytes(held[-_LENGTH_AND_MAGIC:][:4], "little") + _LENGTH_AND_MAGIC
        self._sink.write(held[:-footer] + before_footer + held[-footer:])
        self._held = None
