"""Rows that belong together: how many of them find their group at hand when they are gathered.

An engine that groups rows looks every row up in a table of groups. Where few groups occur in the rows
that it has just read, the processor still has these in its caches; where rows of many groups are mixed,
nearly every look-up goes to memory, which takes several times as long. A layout that keeps rows of equal
keys near each other spares that, even for questions that read everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from parquetry.tuning.costs.groups import Groups, Reach
    from parquetry.tuning.costs.spans import Need
    from parquetry.tuning.samples import Axis, Sample

CACHED_GROUPS = 32_768
"""So many groups fill the caches of a core: measured with DuckDB 2.0, at 40 to 60 bytes a group."""


def scattered_shares(
    group_keys: Sequence[str], groups: Groups, sample: Sample
) -> NDArray[np.float64]:
    """Return, for each row group, the share of its rows whose group is not at hand.

    It grows with the number of groups that the bounds of the keys leave room for, up to all of them.
    """
    within = np.ones(len(groups))
    for column in group_keys:
        axis, reach = sample.axis(column), groups.reaches.get(column)
        if axis is not None and len(axis):
            within *= _values_within(axis, reach, sample.values(column))
    shares: NDArray[np.float64] = np.minimum(1.0, within / CACHED_GROUPS)
    return shares


def kept_rows(needs: Sequence[Need], sample: Sample) -> float:
    """Return how many rows fulfil all needs, if these are independent of each other."""
    return sample.rows * float(np.prod([sample.share(need) for need in needs]))


def _values_within(axis: Axis, reach: Reach | None, values: float) -> NDArray[np.float64] | float:
    """Return how many of a column's values lie within the bounds of each row group."""
    if reach is None:
        return values
    last = 2.0 * (len(axis) - 1)
    lows, highs = np.clip(reach.lows, 0.0, last), np.clip(reach.highs, 0.0, last)
    seen = np.maximum(highs - lows, 0.0) / 2 + 1
    within: NDArray[np.float64] = np.maximum(1.0, values * np.minimum(1.0, seen / len(axis)))
    return within
