"""A series file of ours, read by position: exactly the steps and scenarios asked, and no decoding."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from parquetry.series.handles import changed, handles, open_bytes, reading_error, stamp_of_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from parquetry.series.handles import Stamp
    from parquetry.series.indexing import Floats, Indices
    from parquetry.series.positions import ValuePositions

_VALUE_BYTES = 8
_RUN = 500  # columns of one read; systems take about a thousand pieces of memory at once


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

    def load(self, group: int, positions: Indices, rows: slice | Indices) -> Floats:
        """Read columns of a row group from the disk, past the cache, as (columns, rows).

        Args:
            group: Which row group.
            positions: Ascending positions among the columns of this file.
            rows: Which rows of the group.

        Raises:
            ConflictError: Somebody has changed the file since it was opened.
            StorageError: The disk refused.
        """
        span, picked = _span(rows)
        result = np.empty((len(positions), len(span)))
        if result.size:
            offsets = self._offsets[group, positions] + span.start * _VALUE_BYTES
            is_whole = len(span) == self.stops[group] - self.starts[group]
            self._read(result, offsets, _runs(positions) if is_whole else range(1, len(positions)))
        return result if picked is None else result[:, picked]

    def _read(self, result: Floats, offsets: Indices, cuts: range | list[int]) -> None:
        """Fill the rows of a matrix, those between two cuts with one call each."""
        opened = handles.get(self.stamp, open_bytes)
        descriptor, memory = opened.fileno(), result.data.cast("B")
        width = result.shape[1] * _VALUE_BYTES
        try:
            came = all(
                _read_run(descriptor, memory[first * width : stop * width], width, places)
                for first, stop, places in _pieces(offsets, cuts)
            )
            now = stamp_of_open(self.path, opened)
        except OSError as error:
            raise reading_error(self.path, error) from error
        if not came or now != self.stamp:
            raise changed(self.path)


def _span(rows: slice | Indices) -> tuple[range, Indices | None]:
    """Return consecutive rows that hold those asked, and which of them were asked if not all."""
    if isinstance(rows, slice):
        return range(rows.start, rows.stop), None
    if not rows.size:
        return range(0), None
    first = int(rows.min())
    return range(first, int(rows.max()) + 1), rows - first


def _runs(positions: Indices) -> list[int]:
    """Return where columns begin that do not follow the one before, or would make a run too long."""
    cuts = np.flatnonzero(np.diff(positions) != 1) + 1
    return sorted({*cuts.tolist(), *range(_RUN, len(positions), _RUN)})


def _pieces(offsets: Indices, cuts: range | list[int]) -> Iterator[tuple[int, int, list[int]]]:
    first = 0
    for cut in (*cuts, len(offsets)):
        yield first, cut, offsets[first:cut].tolist()
        first = cut


def _read_run(descriptor: int, memory: memoryview, width: int, offsets: list[int]) -> bool:
    """Fill memory with values that stand at rising offsets, `width` bytes at each; say if they came."""
    if len(offsets) == 1:
        return os.preadv(descriptor, [memory], offsets[0]) == width
    pieces, end = [], offsets[0]
    for number, offset in enumerate(offsets):
        pieces += [memoryview(bytearray(offset - end)), memory[number * width :][:width]]
        end = offset + width
    return os.preadv(descriptor, pieces, offsets[0]) == end - offsets[0]
