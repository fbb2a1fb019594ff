"""Sorted by one to three columns, and then by time."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from parquetry.model.layouts import Layout
from parquetry.tuning.costs.locality import CACHED_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tuning.candidates.situation import Situation

_COLUMNS = 3
_KEPT_PAIRS = 3
_WORTHWHILE = 0.99
_MANY_GROUPS = CACHED_GROUPS / 4  # of fewer, nearly all are at hand in any order


def lexicographic_sorts(situation: Situation, _: Sequence[Layout]) -> Iterator[Layout]:
    """Yield sorts by each hot column, and greedily the best sorts by two and three of them.

    All pairs are tried, since a column of few values pays only with another one behind it.
    """
    hot = situation.hot_columns
    singles = [_sorted_by(situation, (column,)) for column in hot]
    yield from singles
    pairs = sorted(
        (_sorted_by(situation, pair) for pair in permutations(hot, 2)), key=situation.seconds
    )
    for pair in pairs[:_KEPT_PAIRS]:
        yield pair
        longer = _extended(situation, pair)
        if longer is not None:
            yield longer
    if situation.hints.sort_by:
        yield _sorted_by(situation, situation.hints.sort_by)


def sorts_by_groups(situation: Situation, _: Sequence[Layout]) -> Iterator[Layout]:
    """Yield sorts by what questions group by, of many groups: rows of a group stand together then.

    Each stands alone, and behind the column whose conditions spare most reading.
    """
    found = dict.fromkeys(wish.asked.group_keys for wish in situation.wishes)
    for keys in found:
        many = [name for name in keys if situation.sample.values(name) >= _MANY_GROUPS]
        if many:
            ordered = sorted(many, key=situation.sample.values, reverse=True)
            yield _sorted_by(situation, ordered)
            for first in situation.hot_columns[:1]:
                yield _sorted_by(situation, tuple(dict.fromkeys((first, *ordered))))


def _extended(situation: Situation, pair: Layout) -> Layout | None:
    columns = pair.sort_by[: _COLUMNS - 1]
    rest = [name for name in situation.hot_columns if name not in columns]
    longer = [_sorted_by(situation, (*columns, name)) for name in rest]
    best = min(longer, key=situation.seconds, default=None)
    if best is None or situation.seconds(best) > _WORTHWHILE * situation.seconds(pair):
        return None
    return best


def _sorted_by(situation: Situation, columns: Sequence[str]) -> Layout:
    return Layout(sort_by=ending_with_time(situation, columns))


def ending_with_time(situation: Situation, columns: Sequence[str]) -> tuple[str, ...]:
    """Return sort columns with the dataset's time behind them: rows of one time stay together."""
    time = situation.time_column
    return tuple(dict.fromkeys((*columns, *([time] if time else []))))
