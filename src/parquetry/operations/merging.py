"""Sorted files that overlap, merged to one sorted stream that holds a row group of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows
from parquetry.operations.joined_output import fitted, sorted_places
from parquetry.operations.joining import common_schema
from parquetry.operations.parts import Loose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.operations.parts import Piece
    from parquetry.operations.surveyed import SortKey

_ROWS_AT_ONCE = 1 << 18  # that are sorted together
_FEWEST_ROWS = 1024  # of a file


def merged(pieces: Sequence[Piece], sorting: Sequence[SortKey]) -> Loose:
    """Return the rows of sorted files as sorted rows; rows that are equal keep the order of the files.

    **Cost:** each row is decoded once. Memory holds one row group of each file, decoded.
    """
    schema = common_schema([piece.schema for piece in pieces])

    def load() -> Iterator[pa.Table]:
        runs = [_Run(piece, schema) for piece in pieces]
        while heads := [run for run in runs if run.refill()]:
            yield _safe_rows(heads, sorting)

    return Loose(sum(piece.rows for piece in pieces), schema, load, tuple(schema.names))


class _Run:
    """A sorted file that is read as its rows are needed."""

    def __init__(self, piece: Piece, schema: pa.Schema) -> None:
        self._tables = map(partial(fitted, schema=schema), piece.load())
        self._nothing = no_rows(schema)
        self._head = self._nothing
        self._undecoded = piece.rows

    def refill(self) -> bool:
        """Decode the next rows if there are none at hand; False at the end."""
        while not self._head.num_rows and self._undecoded > 0:
            self._head = self._nothing  # so that what is used up goes before the next rows come
            self._head = next(self._tables)
            self._undecoded -= self._head.num_rows
        return bool(self._head.num_rows)

    def first(self, rows: int) -> tuple[pa.Table, bool]:
        """Return so many of the rows at hand, and whether more come after them."""
        return self._head.slice(0, rows), self._undecoded > 0 or self._head.num_rows > rows

    def drop(self, rows: int) -> None:
        """Let go of rows at hand."""
        self._head = self._head.slice(rows)


def _safe_rows(runs: Sequence[_Run], sorting: Sequence[SortKey]) -> pa.Table:
    """Take the rows at hand that no row which is still to come can precede, and sort them."""
    most = max(_FEWEST_ROWS, _ROWS_AT_ONCE // len(runs))
    heads, more = zip(*(run.first(most) for run in runs), strict=True)
    ends = np.cumsum([head.num_rows for head in heads])
    both = pa.concat_tables(heads)
    order = sorted_places(both, sorting)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    # what comes of a file comes after its last row at hand
    lasts = [places[end - 1] for end, comes in zip(ends, more, strict=True) if comes]
    safe = order if not lasts else order[: min(lasts) + 1]
    taken = np.bincount(np.searchsorted(ends, safe, side="right"), minlength=len(runs))
    for run, count in zip(runs, taken.tolist(), strict=True):
        run.drop(count)
    return both.take(array_of(safe))
