"""The numbers on a curve of the rows of a sample, by arrays: the same that SQL finds for all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.access.condition_tests import rank_of
from parquetry.tuning.ordering.curves import STATE_BITS, curve_table
from parquetry.tuning.ordering.terms import CELL_BITS, STEP_BITS, cell_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from parquetry.model.layouts import Curve, Quantiles
    from parquetry.tuning.samples import Axis


def curve_numbers(
    curve: Curve, quantiles: Sequence[Quantiles], axes: Sequence[Axis]
) -> NDArray[np.int64]:
    """Return the number of each row on a curve; see `terms.curve_key`.

    Args:
        curve: The curve.
        quantiles: The boundaries of its cells.
        axes: The values of its columns.
    """
    count = len(quantiles)
    bits = STEP_BITS[count]
    table = np.array(curve_table(curve, count, bits))
    cells = [_cells(one, axis, CELL_BITS[count]) for one, axis in zip(quantiles, axes, strict=True)]
    entry = number = np.zeros(len(cells[0]), np.int64)
    for shift in range(CELL_BITS[count] - bits, -1, -bits):
        at = entry & ((1 << STATE_BITS) - 1)
        for cell in cells:
            at = at << bits | (cell >> shift & ((1 << bits) - 1))
        entry = table[at]
        number = number << (bits * count) | entry >> STATE_BITS
    return number


def _cells(quantiles: Quantiles, axis: Axis, bits: int) -> NDArray[np.int64]:
    ranked = rank_of(axis.kind)
    bounds = np.array([axis.place(ranked(value)) for value in quantiles.values], float)
    parts = np.searchsorted(bounds, axis.places, side="right")
    parts[axis.nulls] = len(bounds)
    return np.array(cell_numbers(len(bounds) + 1, bits), np.int64)[parts]
