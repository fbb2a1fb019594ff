"""Which part of a rewriting each row belongs to: key ranges of about the same number of rows.

The ranges are cut from a sample. A row's place among the sampled values of each term is packed into one
whole number that never contradicts the order of the rows: as soon as a value falls between two sampled
ones, the terms behind it do not count. Rows that stand on cuts are spread over the parts on both sides
by where they come from: many rows can be equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

_BITS = 62


@dataclass(frozen=True, eq=False)
class Spread:
    """Ranges of an order.

    Args:
        known: The distinct sampled values of each term that counts, ascending, without NULL.
        cuts: The packed places at which a new part begins, ascending.
        is_total: Whether all terms count, so that rows with one place are equal.
    """

    known: tuple[pl.Series, ...]
    cuts: Numbers
    is_total: bool = True

    @classmethod
    def of(cls, sample: pl.DataFrame, parts: int) -> Spread:
        """Return ranges of about as many rows each, as a sample tells."""
        distinct = [column.drop_nulls().unique().sort() for column in sample.iter_columns()]
        known = _countable(distinct)
        if parts <= 1 or not sample.height or not known:
            return cls((), np.zeros(max(parts - 1, 0), np.int64))
        packed = np.sort(_pack(known, sample))
        places = np.arange(1, parts) * len(packed) // parts
        return cls(known, packed[places], len(known) == sample.width)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.cuts) + 1

    def parts_of(self, values: pl.DataFrame, first: int, total: int, rows: int) -> Numbers:
        """Return the number of each row's part.

        Args:
            values: The terms of the rows.
            first: The number of the first of them among all rows of the task.
            total: How many rows the task has.
            rows: How many rows these are.
        """
        packed = _pack(self.known, values) if self.known else np.zeros(rows, np.int64)
        highest: Numbers = np.searchsorted(self.cuts, packed, side="right")
        if not self.is_total:
            return highest
        lowest = np.searchsorted(self.cuts, packed, side="left")
        share = np.arange(first, first + rows, dtype=np.int64) / max(total, 1)
        spread = (share * (highest - lowest + 1)).astype(np.int64)
        found: Numbers = np.minimum(lowest + spread, highest)
        return found


def _countable(distinct: Sequence[pl.Series]) -> tuple[pl.Series, ...]:
    """Return the values of the foremost terms whose places fit into one number together."""
    bits = 0
    found = []
    for values in distinct:
        bits += (2 * len(values) + 2).bit_length()
        if bits > _BITS:
            break
        found.append(values)
    return tuple(found)


def _pack(known: Sequence[pl.Series], values: pl.DataFrame) -> Numbers:
    packed = np.zeros(values.height, np.int64)
    still = np.ones(values.height, bool)
    for number, distinct in enumerate(known):
        place, is_exact = _places(distinct, values.to_series(number))
        packed = packed * (2 * len(distinct) + 2) + np.where(still, place, 0)
        still &= is_exact
    return packed


def _places(distinct: pl.Series, column: pl.Series) -> tuple[Numbers, Numbers]:
    """Return twice the place of each value, and one more if it is a sampled one; and whether it is.

    NULL is above everything, and is exact.
    """
    if not len(distinct):
        only_null = column.is_null().to_numpy()
        return only_null.astype(np.int64), only_null
    place = distinct.search_sorted(column, side="left").fill_null(0)
    nearest = distinct.gather(place.clip(0, len(distinct) - 1))
    is_same = nearest.eq_missing(column) & (place < len(distinct))
    codes = 2 * place.cast(pl.Int64) + is_same.cast(pl.Int64)
    is_null = column.is_null()
    codes = codes.set(is_null, 2 * len(distinct) + 1)
    return codes.to_numpy().astype(np.int64), (is_same | is_null).to_numpy()
