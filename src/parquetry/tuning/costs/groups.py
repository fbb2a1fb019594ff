"""Row groups: how many rows each holds, in which file, and from where to where its columns reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.access.condition_tests import rank_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    from parquetry.model.layouts import Layout
    from parquetry.tuning.samples import Axis, Ordering, Sample

    _Bounds: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Reach:
    """From where to where one column reaches, in each row group; nowhere if all of it is NULL.

    Args:
        lows: The lowest place of each row group.
        highs: The highest.
        has_nulls: Whether there is a NULL.
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    has_nulls: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Groups:
    """The row groups of a layout.

    Args:
        rows: The rows of each.
        files: The number of the file that each stands in.
        reaches: Of some columns, from where to where they reach. A column that is missing here may
            reach anywhere.
        bloom_columns: The columns that have Bloom filters.
        keys: By which columns alone files are ruled out unopened, as folders are by partition keys; None
            where it is known of each file what it holds, as of a replica's.
    """

    rows: NDArray[np.float64]
    files: NDArray[np.int64]
    reaches: Mapping[str, Reach]
    bloom_columns: frozenset[str] = frozenset()
    keys: frozenset[str] | None = None

    def __len__(self) -> int:
        return len(self.rows)


def predict_groups(sample: Sample, layout: Layout, columns: Iterable[str]) -> Groups:
    """Return the row groups that a layout would have, as far as the sample tells.

    **Cost:** sorts the sample once; nothing of the dataset is read.

    Args:
        sample: Rows of the dataset.
        layout: The layout.
        columns: The columns that questions ask about.
    """
    ordering = sample.order(layout)
    starts, files = _cut(sample, layout, ordering)
    counts = np.diff(np.append(starts, len(ordering.rows)))
    reaches = {}
    for column in columns:
        axis = sample.axis(column)
        if axis is not None:
            reach = _reach(axis, ordering, starts)
            reaches[column] = _kept_within(reach, _bounds(sample, layout, column, ordering, starts))
    return Groups(counts / sample.fraction, files, reaches, frozenset(layout.bloom_columns))


def _cut(
    sample: Sample, layout: Layout, ordering: Ordering
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each row group begins among the sampled rows, and the file that it stands in."""
    rows_a_group = layout.row_group_rows * sample.fraction
    bytes_a_row = sample.bytes / max(sample.rows, 1)
    groups_a_file = max(
        1.0, layout.target_file_bytes / (bytes_a_row * layout.row_group_rows + 1e-9)
    )
    ends = np.append(ordering.starts[1:], len(ordering.rows))
    starts: list[NDArray[np.int64]] = []
    files: list[NDArray[np.int64]] = []
    first_file = 0
    for start, end in zip(ordering.starts, ends, strict=True):
        count = math.ceil(round((end - start) / rows_a_group, 6))
        at = start + np.unique((np.arange(count) * rows_a_group).astype(np.int64))
        starts.append(at)
        files.append(first_file + (np.arange(len(at)) / groups_a_file).astype(np.int64))
        first_file = int(files[-1][-1]) + 1
    return np.concatenate(starts), np.concatenate(files)


def _reach(axis: Axis, ordering: Ordering, starts: NDArray[np.int64]) -> Reach:
    """Return where a column reaches, widened to what the rows beyond the sample will hold."""
    nulls = axis.nulls[ordering.rows]
    places = axis.places[ordering.rows]
    low, second = _two_lowest(np.where(nulls, np.inf, places), starts)
    minus_high, minus_second = _two_lowest(np.where(nulls, np.inf, -places), starts)
    high = -minus_high
    with np.errstate(invalid="ignore"):
        below = np.where(np.isfinite(second), second - low, 0.0)
        above = np.where(np.isfinite(minus_second), minus_second - minus_high, 0.0)
    lows, highs = low - below, high + above
    _keep_apart(low, high, lows, highs)
    return Reach(lows, highs, np.logical_or.reduceat(nulls, starts))


def _kept_within(reach: Reach, bounds: _Bounds) -> Reach:
    """Return a reach that does not leave what partitions and cuts allow."""
    lows, highs = bounds
    return Reach(np.maximum(reach.lows, lows), np.minimum(reach.highs, highs), reach.has_nulls)


def _bounds(
    sample: Sample, layout: Layout, column: str, ordering: Ordering, starts: NDArray[np.int64]
) -> _Bounds:
    """Return between which places each row group must lie, because of its partition and leaves."""
    lows, highs = np.full(len(starts), -np.inf), np.full(len(starts), np.inf)
    axis = sample.axis(column)
    if axis is None or not len(starts):
        return lows, highs
    if layout.cuts:
        leaf_lows, leaf_highs = _leaf_bounds(sample, layout, column)
        lows = np.minimum.reduceat(leaf_lows[ordering.leaves], starts)
        highs = np.maximum.reduceat(leaf_highs[ordering.leaves], starts)
    if layout.partition_by and sample.name(layout.partition_by[0].column) == column:
        first, last = _partition_bounds(axis, ordering)
        place = np.searchsorted(ordering.starts, starts, side="right") - 1
        lows, highs = np.maximum(lows, first[place]), np.minimum(highs, last[place])
    return lows, highs


def _partition_bounds(axis: Axis, ordering: Ordering) -> _Bounds:
    """Return from where to where the values of each partition can reach, if it is kept apart by them."""
    nulls = axis.nulls[ordering.rows]
    places = axis.places[ordering.rows]
    first = np.minimum.reduceat(np.where(nulls, np.inf, places), ordering.starts)
    last = np.maximum.reduceat(np.where(nulls, -np.inf, places), ordering.starts)
    ends = np.append(first[1:], np.inf) - 1
    return first, np.where(last <= ends, ends, last)


def _leaf_bounds(sample: Sample, layout: Layout, column: str) -> _Bounds:
    """Return between which places the cuts on the way to each leaf keep a column."""
    leaves = len(layout.cuts) + 1
    lows, highs = np.full(leaves, -np.inf), np.full(leaves, np.inf)
    axis = sample.axis(column)

    def walk(at: int, low: float, high: float) -> None:
        if at < 0:
            lows[~at], highs[~at] = low, high
            return
        cut = layout.cuts[at]
        met, unmet = (low, high), (low, high)
        if axis is not None and sample.name(cut.column) == column and cut.operator == "<":
            place = axis.place(rank_of(axis.kind)(cut.value))
            met, unmet = (low, min(high, place - 1)), (max(low, place), high)
        walk(cut.met, *met)
        walk(cut.unmet, *unmet)

    walk(0, -np.inf, np.inf)
    return lows, highs


def _two_lowest(
    values: NDArray[np.float64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two lowest values of each group; infinite where there are not so many."""
    low = np.minimum.reduceat(values, starts)
    counts = np.diff(np.append(starts, len(values)))
    numbers = np.repeat(np.arange(len(starts)), counts)
    is_low = values == low[numbers]
    first = np.full(len(starts), len(values))
    np.minimum.at(first, numbers[is_low], np.flatnonzero(is_low))
    rest = values.copy()
    rest[first[first < len(values)]] = np.inf
    return low, np.minimum.reduceat(rest, starts)


def _keep_apart(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
) -> None:
    """Let row groups that follow each other meet where they do, and not overlap.

    What lies between the last sampled value of one and the first of the next belongs to one of them.
    """
    follows = (high[:-1] <= low[1:]) & np.isfinite(high[:-1]) & np.isfinite(low[1:])
    end_of_gap = np.where(high[:-1] < low[1:], low[1:] - 1, high[:-1])
    highs[:-1] = np.where(follows, end_of_gap, highs[:-1])
    lows[1:] = np.where(follows, low[1:], lows[1:])
