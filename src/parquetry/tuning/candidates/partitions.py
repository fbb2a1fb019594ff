"""Kept apart by time spans or by columns of few values, and sorted within."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from parquetry.model.layouts import Layout, PartitionKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.model.layouts import Truncation
    from parquetry.tuning.candidates.situation import Situation

LEAST_ROWS = 1_000_000
MOST_PARTITIONS = 1_000
_KEPT_SORTS = 3
_SPANS: tuple[tuple[Truncation, str], ...] = (
    ("hour", "1h"),
    ("day", "1d"),
    ("month", "1mo"),
    ("year", "1y"),
)


def partition_keys(situation: Situation, so_far: Sequence[Layout]) -> Iterator[Layout]:
    """Yield partitions by time and by columns of few values, each with the best sorts within.

    A partition has a million rows or more, there are at most a thousand of them, and what the
    table forbids as a key is none.
    """
    sorts = sorted((one for one in so_far if not one.partition_by), key=situation.seconds)
    for key in _keys(situation):
        for best in sorts[:_KEPT_SORTS]:
            if key.truncate or key.column not in best.sort_by:
                yield replace(best, partition_by=(key,))
            elif best.curve is None:
                rest = tuple(name for name in best.sort_by if name != key.column)
                yield replace(best, partition_by=(key,), sort_by=rest)


def _keys(situation: Situation) -> Iterator[PartitionKey]:
    forbidden = situation.hints.forbidden_partitions
    time = situation.time_column
    if time is not None and time not in forbidden:
        truncation = finest_truncation(situation, time)
        if truncation is not None:
            yield PartitionKey(time, truncation)
    asked = [*situation.hot_columns, *situation.hints.partition_by]
    for column in dict.fromkeys(asked):
        if column != time and column not in forbidden and _has_few_values(situation, column):
            yield PartitionKey(column)


def finest_truncation(situation: Situation, column: str) -> Truncation | None:
    """Return the shortest time span that leaves partitions large and few enough, if one does."""
    values = pl.Series(situation.sample.table[column]).drop_nulls()
    for truncation, every in _SPANS:
        if values.dtype == pl.Date and truncation == "hour":
            continue
        if _is_suitable(situation, values.dt.truncate(every).n_unique()):
            return truncation
    return None


def _has_few_values(situation: Situation, column: str) -> bool:
    axis = situation.sample.axis(column)
    return axis is not None and _is_suitable(situation, len(axis))


def _is_suitable(situation: Situation, partitions: int) -> bool:
    return 1 < partitions <= min(MOST_PARTITIONS, situation.sample.rows // LEAST_ROWS)
