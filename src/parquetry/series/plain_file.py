"""A series file of ours, read by position: exactly the steps and scenarios asked, and no decoding."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from parquetry.series.handles import (
    CAN_ADVISE,
    changed,
    handles,
    open_bytes,
    reading_error,
    stamp_of_open,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from parquetry.series.handles import Stamp
    from parquetry.series.indexing import Floats, Indices
    from parquetry.series.positions import ValuePositions

_VALUE_BYTES = 8
_PIECE = 500  # columns of one call; systems take about a thousand parts of memory at once


class PlainFile:
    """A file whose values stand plain at known positions.

    Args:
        stamp: What tells this content of the path from others.
        opened: The file, just opened.
        positions: Where the values are.
        footer_bytes: The length of the footer, which is not read.

    **Cost:** a read takes the bytes of the steps and columns asked and no others; whole row groups of
    neighbouring columns come in one call, with the few bytes between them.
    """

    compression = "none"

    def __init__(
        self, stamp: Stamp, opened: pa.NativeFile, positions: ValuePositions, footer_bytes: int
    ) -> None:
        self.stamp = stamp
        self.footer_bytes = footer_bytes
        self.rows = positions.rows
        self.starts = list(range(0, positions.rows, positions.group_rows))
        self.stops = [*self.starts[1:], positions.rows] if self.starts else []
        self.first_column = positions.first_column
        width = positions.offsets.shape[1]
        self.columns = np.arange(self.first_column, self.first_column + width)
        self.nan_values: int | None = positions.nan_values
        self._offsets = positions.offsets
        handles.keep(stamp, opened)

    @property
    def path(self) -> str:
        """Where the file is."""
        return self.stamp.path

    def may_hold_nulls(self) -> bool:
        """Return false: plain values have none."""
        return False

    def announce(self, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Let the system begin to fetch what `fill` will read, many pieces at a time."""
        span, _ = _span(rows)
        if not (CAN_ADVISE and len(span) and len(positions)):
            return
        opened, width = handles.get(self.stamp, open_bytes), len(span) * _VALUE_BYTES
        with suppress(OSError):  # it was only advice
            for _, _, places in self._pieces(group, positions, span):
                length = places[-1] + width - places[0]
                os.posix_fadvise(opened.fileno(), places[0], length, os.POSIX_FADV_WILLNEED)

    def fill(self, out: Floats, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Read columns of a row group from the disk, past the cache, into (columns, rows).

        Args:
            out: Where the values go; at once, if it is one run of memory.
            group: Which row group.
            positions: Ascending positions among the columns of this file.
            rows: Which rows of the group.

        Raises:
            ConflictError: Somebody has changed the file since it was opened.
            StorageError: The disk refused.
        """
        span, picked = _span(rows)
        if not (len(positions) and len(span)):
            return
        is_run = picked is None and out.flags.c_contiguous
        values = out if is_run else np.empty((len(positions), len(span)))
        self._read(values, self._pieces(group, positions, span))
        if not is_run:
            out[...] = values if picked is None else values[:, picked]

    def _read(self, values: Floats, pieces: Iterable[tuple[int, int, list[int]]]) -> None:
        """Fill the rows of a matrix, piece by piece."""
        opened = handles.get(self.stamp, open_bytes)
        descriptor, memory = opened.fileno(), values.data.cast("B")
        width = values.shape[1] * _VALUE_BYTES
        try:
            came = all(
                _read_piece(descriptor, memory[first * width : stop * width], width, places)
                for first, stop, places in pieces
            )
            now = stamp_of_open(self.path, opened)
        except OSError as error:
            raise reading_error(self.path, error) from error
        if not came or now != self.stamp:
            raise changed(self.path)

    def _pieces(
        self, group: int, positions: Indices, span: range
    ) -> Iterator[tuple[int, int, list[int]]]:
        """Yield what one call reads: which of the columns, from and to, and where each begins.

        Whole row groups of neighbouring columns are one piece; else every column is one.
        """
        offsets = self._offsets[group, positions] + span.start * _VALUE_BYTES
        is_whole = len(span) == self.stops[group] - self.starts[group]
        first = 0
        for cut in (*(_cuts(positions) if is_whole else range(1, len(positions))), len(positions)):
            yield first, cut, offsets[first:cut].tolist()
            first = cut


def _span(rows: slice | Indices) -> tuple[range, Indices | None]:
    """Return consecutive rows that hold those asked, and which of them were asked if not all."""
    if isinstance(rows, slice):
        return range(rows.start, rows.stop), None
    if not rows.size:
        return range(0), None
    first = int(rows.min())
    return range(first, int(rows.max()) + 1), rows - first


def _cuts(positions: Indices) -> list[int]:
    """Return where columns stand that do not follow the one before, or would make a piece too long."""
    cuts = np.flatnonzero(np.diff(positions) != 1) + 1
    return sorted({*cuts.tolist(), *range(_PIECE, len(positions), _PIECE)})


def _read_piece(descriptor: int, memory: memoryview, width: int, offsets: list[int]) -> bool:
    """Fill memory with values that stand at rising offsets, `width` bytes at each; say if they came."""
    if len(offsets) == 1:
        return os.preadv(descriptor, [memory], offsets[0]) == width
    pieces, end = [], offsets[0]
    for number, offset in enumerate(offsets):
        pieces += [memoryview(bytearray(offset - end)), memory[number * width :][:width]]
        end = offset + width
    return os.preadv(descriptor, pieces, offsets[0]) == end - offsets[0]
