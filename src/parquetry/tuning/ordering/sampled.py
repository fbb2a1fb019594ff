"""The numbers on a curve of the rows of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.access.condition_tests import rank_of
from parquetry.tuning.ordering.numbers import Numbers, cells_of, numbers_along
from parquetry.tuning.ordering.terms import CELL_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.model.layouts import Curve, Quantiles
    from parquetry.tuning.samples import Axis


def curve_numbers(curve: Curve, quantiles: Sequence[Quantiles], axes: Sequence[Axis]) -> Numbers:
    """Return the number of each row on a curve; see `terms.curve_key`.

    Args:
        curve: The curve.
        quantiles: The boundaries of its cells.
        axes: The values of its columns.
    """
    bits = CELL_BITS[len(quantiles)]
    cells = [_cells(one, axis, bits) for one, axis in zip(quantiles, axes, strict=True)]
    return numbers_along(curve, cells)


def _cells(quantiles: Quantiles, axis: Axis, bits: int) -> Numbers:
    ranked = rank_of(axis.kind)
    bounds = np.array([axis.place(ranked(value)) for value in quantiles.values], float)
    parts = np.searchsorted(bounds, axis.places, side="right")
    parts[axis.nulls] = len(bounds)
    return cells_of(parts, len(bounds) + 1, bits)
