"""What a question reads of row groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.costs.spans import find_needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from parquetry.access.conditions import Demand
    from parquetry.tuning.costs.groups import Groups, Reach
    from parquetry.tuning.costs.spans import Need
    from parquetry.tuning.samples import Axis, Sample

BLOOM_PASSES = 0.026
"""The share of values that a filter of the house's size lets pass though they are not there."""


@dataclass(frozen=True, slots=True)
class Work:
    """Files, row groups and rows that are read."""

    files: float
    row_groups: float
    rows: float

    def __add__(self, other: Work) -> Work:
        return Work(
            self.files + other.files,
            self.row_groups + other.row_groups,
            self.rows + other.rows,
        )


NOTHING = Work(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, as far as it decides what is read: for each place that reads, what it needs there."""

    places: tuple[tuple[Need, ...], ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it asks about."""
        return frozenset(need.column for needs in self.places for need in needs)


def understand_demands(demands: Sequence[Sequence[Demand]], sample: Sample) -> Asked:
    """Return what a question's demands need, in terms of a sample."""
    return Asked(tuple(find_needs(one, sample) for one in demands))


def predict_work(asked: Asked, groups: Groups, sample: Sample) -> Work:
    """Return what a question reads of some row groups, once for every place that reads them."""
    total = NOTHING
    for needs in asked.places:
        total += _read(needs, groups, sample)
    return total


def _read(needs: Sequence[Need], groups: Groups, sample: Sample) -> Work:
    admitted = np.ones(len(groups), np.bool_)
    for need in needs:
        reach = groups.reaches.get(need.column)
        if reach is not None:
            admitted &= _meets(need, reach)
    share = 1.0
    for need in needs:
        if need.points and need.column in groups.bloom_columns:
            axis = sample.axis(need.column)
            if axis is not None:
                share = min(share, _bloom_share(need, axis, groups.rows[admitted]))
    files = len(np.unique(groups.files[admitted]))
    count = float(np.count_nonzero(admitted))
    return Work(float(files), count * share, float(groups.rows[admitted].sum()) * share)


def _meets(need: Need, reach: Reach) -> NDArray[np.bool_]:
    if need.wants_null:
        return reach.has_nulls
    found = np.zeros(len(reach.lows), np.bool_)
    for low, high in need.spans:
        found |= (reach.lows <= high) & (reach.highs >= low)
    return found


def _bloom_share(need: Need, axis: Axis, rows: NDArray[np.float64]) -> float:
    """Return the share of row groups, all of whose ranges admit the points, that filters let pass."""
    if not len(rows):
        return 1.0
    one = float(1 - (1 - 1 / len(rows)) ** axis.rows_a_value)
    return min(1.0, (one + BLOOM_PASSES) * len(need.points))
