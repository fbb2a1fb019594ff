"""The numbers of many rows on a curve, by arrays: the same that SQL finds, in a fraction of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from parquetry.files.text_codes import CODES
from parquetry.tuning.ordering.curves import STATE_BITS, curve_table
from parquetry.tuning.ordering.terms import CELL_BITS, STEP_BITS, cell_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from parquetry.model.layouts import Curve, Quantiles

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"


def rows_along(curve: Curve, quantiles: Sequence[Quantiles], table: pa.Table) -> Numbers:
    """Return the number of each row on a curve; see `terms.curve_key`.

    Args:
        curve: The curve.
        quantiles: The boundaries of its cells.
        table: The columns of the curve; text may be in codes.
    """
    bits = CELL_BITS[len(quantiles)]
    table = table.unify_dictionaries().combine_chunks()
    return numbers_along(curve, [_cells(one, table[one.column], bits) for one in quantiles])


def numbers_along(curve: Curve, cells: Sequence[Numbers]) -> Numbers:
    """Return the number on a curve of each point, several bits of each coordinate at a time.

    Args:
        curve: The curve.
        cells: Each coordinate of the points.
    """
    count = len(cells)
    bits = STEP_BITS[count]
    table = np.array(curve_table(curve, count, bits), np.int64)
    entry = number = np.zeros(len(cells[0]), np.int64)
    for shift in range(CELL_BITS[count] - bits, -1, -bits):
        at = entry & ((1 << STATE_BITS) - 1)
        for cell in cells:
            at = at << bits | (cell >> shift & ((1 << bits) - 1))
        entry = table[at]
        number = number << (bits * count) | entry >> STATE_BITS
    return number


def cells_of(parts: Numbers, count: int, bits: int) -> Numbers:
    """Return the cells in which parts begin.

    Args:
        parts: The number of the part that each value stands in.
        count: How many parts there are.
        bits: The bits of a cell's number.
    """
    return np.array(cell_numbers(count, bits), np.int64)[parts]


def _cells(quantiles: Quantiles, column: pa.ChunkedArray, bits: int) -> Numbers:
    """Return the cell of each value; NULL stands in the last."""
    count = len(quantiles.values) + 1
    if column.type == CODES and column.num_chunks:
        codes = column.chunk(0)
        known = np.append(_parts(quantiles, codes.dictionary), count - 1)
        parts = known[np.from_dlpack(codes.indices.fill_null(len(known) - 1))]
    else:
        parts = _parts(quantiles, column)
    return cells_of(parts, count, bits)


def _parts(quantiles: Quantiles, values: pa.Array | pa.ChunkedArray) -> Numbers:
    """Return how many boundaries are not above each value; all of them for NULL."""
    column = pl.Series(pl.from_arrow(values))
    bounds = pl.Series(quantiles.values, dtype=column.dtype)
    if column.dtype == pl.Boolean:  # which Polars does not search for
        column, bounds = column.cast(pl.UInt8), bounds.cast(pl.UInt8)
    parts = bounds.search_sorted(column, side="right").to_numpy().astype(np.int64)
    if column.null_count():
        parts = np.where(column.is_null().to_numpy(), len(bounds), parts)
    return parts
