"""Sorted files that overlap, merged to one sorted stream that holds a row group of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.operations.joined_output import fitted, sorted_places
from parquetry.operations.joining import common_schema
from parquetry.operations.parts import Loose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.operations.parts import Piece
    from parquetry.operations.surveying import SortKey


def merged(pieces: Sequence[Piece], sorting: Sequence[SortKey]) -> Loose:
    """Return the rows of sorted files as sorted rows; rows that are equal keep the order of the files.

    **Cost:** each row is decoded once. Memory holds one row group of each file, decoded.
    """
    schema = common_schema([piece.schema for piece in pieces])

    def load() -> Iterator[pa.Table]:
        runs = [_Run(piece, schema) for piece in pieces]
        while heads := [run for run in runs if run.refill()]:
            yield from _safe_rows(heads, sorting)

    return Loose(sum(piece.rows for piece in pieces), schema, load, tuple(schema.names))


class _Run:
    """A sorted file that is read as its rows are needed."""

    def __init__(self, piece: Piece, schema: pa.Schema) -> None:
        self._tables = (fitted(table, schema) for table in piece.load() if table.num_rows)
        self._left = piece.rows
        self.head: pa.Table | None = None

    def refill(self) -> bool:
        """Decode the next rows if there are none at hand; False at the end."""
        if self.head is None or not self.head.num_rows:
            self.head = next(self._tables, None)
            self._left -= 0 if self.head is None else self.head.num_rows
        return self.head is not None

    @property
    def is_last(self) -> bool:
        """Whether no rows come after those at hand."""
        return self._left <= 0


def _safe_rows(runs: Sequence[_Run], sorting: Sequence[SortKey]) -> Iterator[pa.Table]:
    """Take the rows at hand that no row which is still to be decoded can precede, and sort them."""
    heads = [run.head for run in runs if run.head is not None]
    rows = [head.num_rows for head in heads]
    ends = np.cumsum(rows)
    both = pa.concat_tables(heads)
    order = sorted_places(both, sorting)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    # what a file still holds comes after its last row at hand
    lasts = [places[end - 1] for end, run in zip(ends, runs, strict=True) if not run.is_last]
    safe = order if not lasts else order[: min(lasts) + 1]
    taken = np.bincount(np.searchsorted(ends, safe, side="right"), minlength=len(runs))
    for run, head, count in zip(runs, heads, taken.tolist(), strict=True):
        run.head = head.slice(count)
    yield both.take(pa.array(safe))
