"""What questions read of row groups: many questions at once, each by comparisons of whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import numpy as np

from parquetry.tuning.costs.locality import kept_rows, scattered_shares
from parquetry.tuning.costs.spans import find_needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from parquetry.access.conditions import Demand
    from parquetry.tuning.costs.groups import Groups, Reach
    from parquetry.tuning.costs.spans import Need
    from parquetry.tuning.samples import Axis, Sample

    _Placed: TypeAlias = list[tuple[int, Need]]


@dataclass(frozen=True, slots=True)
class _Place:
    """One place that reads: what is needed there, and by what the rows are grouped."""

    needs: tuple[Need, ...]
    group_keys: tuple[str, ...]


Amount = TypeVar("Amount", float, "NDArray[np.float64]")

BLOOM_PASSES = 0.026
"""The share of values that a filter of the house's size lets pass though they are not there."""
_MOST_CELLS = 8_000_000  # of an array that holds what each question admits of each row group


@dataclass(frozen=True, slots=True)
class Work(Generic[Amount]):
    """What is read, by one question or, as arrays, by each of many.

    Args:
        files: Files that are opened.
        row_groups: Row groups that are read.
        rows: Their rows.
        chunks: Pieces of columns that the footers of these files list, whether they are read or not.
        scattered_rows: Of the rows that are wanted, those whose group the processor has no more at hand
            when they come; see `locality`.
    """

    files: Amount
    row_groups: Amount
    rows: Amount
    chunks: Amount
    scattered_rows: Amount


PARTS = 5
"""The numbers of a `Work`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, as far as a layout decides what it takes.

    Args:
        places: For each place that reads, what it needs there.
        group_keys: The columns by which it groups the rows.
    """

    places: tuple[tuple[Need, ...], ...]
    group_keys: tuple[str, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """The columns whose place in a layout matters to it."""
        needed = frozenset(need.column for needs in self.places for need in needs)
        return needed.union(self.group_keys)


def understand_demands(
    demands: Sequence[Sequence[Demand]], sample: Sample, group_keys: Sequence[str] = ()
) -> Asked:
    """Return what a question needs, in terms of a sample.

    Args:
        demands: What it demands of rows, for each place that reads.
        sample: Rows of the dataset.
        group_keys: The columns by which it groups them.
    """
    known = (sample.name(column) for column in group_keys)
    keys = tuple(sorted({name for name in known if name is not None}))
    return Asked(tuple(find_needs(one, sample) for one in demands), keys)


def predict_work(asked: Asked, groups: Groups, sample: Sample) -> Work[float]:
    """Return what a question reads of some row groups, once for every place that reads them."""
    return Work(*predict_works([asked], groups, sample)[0].tolist())


def predict_works(asked: Sequence[Asked], groups: Groups, sample: Sample) -> NDArray[np.float64]:
    """Return what each of some questions reads, a line a question: the numbers of a `Work`.

    **Cost:** for each column, one comparison of all questions with all row groups.
    """
    places = [_Place(needs, one.group_keys) for one in asked for needs in one.places]
    owners = np.repeat(np.arange(len(asked)), [len(one.places) for one in asked])
    each = np.zeros((len(places), PARTS))
    step = max(1, _MOST_CELLS // max(1, len(groups)))
    for start in range(0, len(places), step):
        each[start : start + step] = _read(places[start : start + step], groups, sample)
    found = np.zeros((len(asked), PARTS))
    np.add.at(found, owners, each)
    return found


def _read(places: Sequence[_Place], groups: Groups, sample: Sample) -> NDArray[np.float64]:
    """Return what is read at each place."""
    admitted = np.ones((len(places), len(groups)), np.bool_)
    if not admitted.size:
        return np.zeros((len(places), PARTS))
    opened = admitted if groups.keys is None else admitted.copy()
    for (column, _), placed in _by_column(places).items():
        reach = groups.reaches.get(column)
        if reach is not None:
            _admit(admitted, placed, reach)
            if groups.keys is not None and column in groups.keys:
                _admit(opened, placed, reach)
    counts = admitted.sum(axis=1).astype(float)
    share = _bloom_shares(places, counts, groups, sample)
    rows = admitted @ groups.rows
    files, listed = _touched(opened, groups.files)
    chunks = listed * sample.table.num_columns
    scattered = _scattered(places, admitted, rows, groups, sample)
    return np.column_stack([files, counts * share, rows * share, chunks, scattered])


def _scattered(
    places: Sequence[_Place],
    admitted: NDArray[np.bool_],
    rows: NDArray[np.float64],
    groups: Groups,
    sample: Sample,
) -> NDArray[np.float64]:
    """Return how many of the wanted rows go to groups that are not at hand, at each place."""
    found = np.zeros(len(places))
    by_keys: dict[tuple[str, ...], list[int]] = {}
    for number, place in enumerate(places):
        by_keys.setdefault(place.group_keys, []).append(number)
    for keys, at in by_keys.items():
        if keys:
            wanted = [kept_rows(places[number].needs, sample) for number in at]
            weights = groups.rows * scattered_shares(keys, groups, sample)
            shares = admitted[at] @ weights / np.maximum(rows[at], 1.0)
            found[at] = shares * np.minimum(rows[at], wanted)
    return found


def _by_column(places: Sequence[_Place]) -> dict[tuple[str, int], _Placed]:
    """Return needs by column, with their places; a second one at the same place stands apart."""
    found: dict[tuple[str, int], _Placed] = {}
    for place, one in enumerate(places):
        columns = [need.column for need in one.needs]
        for number, need in enumerate(one.needs):
            key = (need.column, columns[:number].count(need.column))
            found.setdefault(key, []).append((place, need))
    return found


def _admit(admitted: NDArray[np.bool_], placed: _Placed, reach: Reach) -> None:
    """Leave only the row groups in which a column can hold what is needed of it."""
    nulls = [place for place, need in placed if need.wants_null]
    admitted[nulls] &= reach.has_nulls
    nowhere = [place for place, need in placed if not (need.wants_null or need.spans)]
    admitted[nowhere] = False
    ranged = [(place, need.spans) for place, need in placed if need.spans and not need.wants_null]
    if not ranged:
        return
    lows, highs = np.array([span for _, spans in ranged for span in spans]).T
    meets = (reach.lows <= highs[:, None]) & (reach.highs >= lows[:, None])
    if len(meets) > len(ranged):  # some have several spans
        starts = np.cumsum([0, *(len(spans) for _, spans in ranged[:-1])])
        meets = np.logical_or.reduceat(meets, starts, axis=0)
    admitted[[place for place, _ in ranged]] &= meets


def _touched(
    admitted: NDArray[np.bool_], files: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many files are opened at each place, and how many row groups those have.

    Where nothing can be of use, a file is opened all the same: to know that, or to show its columns.
    """
    order = np.argsort(files, kind="stable")
    starts = np.flatnonzero(np.diff(files[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(files)))
    touched = np.logical_or.reduceat(admitted[:, order], starts, axis=1).astype(float)
    return touched.sum(axis=1), np.maximum(touched @ sizes, sizes.max())


def _bloom_shares(
    places: Sequence[_Place],
    counts: NDArray[np.float64],
    groups: Groups,
    sample: Sample,
) -> NDArray[np.float64]:
    """Return the share of row groups, all of whose ranges admit it, that filters let pass."""
    shares = np.ones(len(places))
    if not groups.bloom_columns:
        return shares
    for place, one in enumerate(places):
        for need in one.needs:
            axis = sample.axis(need.column) if need.column in groups.bloom_columns else None
            if need.points and axis is not None and counts[place]:
                shares[place] = min(shares[place], _bloom_share(need, axis, counts[place]))
    return shares


def _bloom_share(need: Need, axis: Axis, count: float) -> float:
    one = float(1 - (1 - 1 / count) ** axis.rows_a_value)
    return min(1.0, (one + BLOOM_PASSES) * len(need.points))
