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

    @property
    def footer_start(self) -> int:
        """Where the footer begins that is kept back, as long as nothing stands before it."""
        return self._written - self._footer_bytes

    def release(self, before_footer: bytes) -> None:
        """Write what was kept back, with something before the footer."""
        held, count = bytes(self._held or b""), self._footer_bytes
        self._sink.write(held[:-count] + before_footer + held[-count:])
        self._held = None

    @property
    def _footer_bytes(self) -> int:
        end = bytes(self._held or b"")[-_LENGTH_AND_MAGIC:]
        return int.from_bytes(end[:4], "little") + _LENGTH_AND_MAGIC
