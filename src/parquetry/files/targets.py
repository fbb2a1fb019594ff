"""Where an encoder's bytes go, so that the footer can be mended before it is anywhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.files.splicing.copying import Sink, write_all

if TYPE_CHECKING:
    from parquetry.files.splicing.counting import NanCounts


class Gate(io.RawIOBase):
    """Stands between PyArrow and a sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.file = self
        self._sink = sink
        self._at = 0
        self._held: list[bytes] | None = None
        self._shut = False

    def writable(self) -> bool:
        """Whether it takes bytes: always."""
        return True

    def write(self, data: Any, /) -> int:
        """Take bytes, and pass them on unless they are held."""
        size = len(data)
        if self._held is not None:
            self._held.append(bytes(data))
        elif not self._shut:
            write_all(self._sink, data)
            self._at += size
        return size

    def hold(self) -> None:
        """Keep what comes: page indexes, Bloom filters and the footer."""
        self._held = []

    def release(self, nans: NanCounts) -> None:
        """Pass on what was held, with the footer saying what is known of NaN."""
        tail, self._held = b"".join(self._held or ()), None
        write_all(self._sink, nans.told_in(tail, self._at))

    def shut(self) -> None:
        """Pass on nothing any more."""
        self._held, self._shut = None, True


class MemoryFile:
    """A file in memory; Arrow's own, for one of Python's would take Python's lock at every write."""

    def __init__(self) -> None:
        self.file = pa.BufferOutputStream()
        self.content = b""

    def hold(self) -> None:
        """Nothing has to wait: the footer is mended where it lies."""

    def release(self, nans: NanCounts) -> None:
        """Keep the whole file, with the footer saying what is known of NaN."""
        self.content = nans.told_in(memoryview(self.file.getvalue()), 0)

    def shut(self) -> None:
        """Nobody asks for what is unfinished."""
