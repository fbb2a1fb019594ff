"""The row groups that files have, from their footers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import types as pt

from parquetry.access.condition_tests import UnsuitedError
from parquetry.files.footers import read_footer
from parquetry.tuning.costs.groups import Groups, Reach
from parquetry.tuning.costs.values import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from pyarrow.parquet import FileMetaData, RowGroupMetaData

    from parquetry.access.listing import Listing
    from parquetry.tuning.samples import Axis, Sample

_Range = tuple[float, float, bool]
_ANYWHERE: _Range = (-np.inf, np.inf, True)
_NOWHERE: _Range = (np.inf, -np.inf, True)


def present_groups(
    listing: Listing, sample: Sample, columns: Iterable[str], blooms: Iterable[str] = ()
) -> Groups:
    """Return the row groups of files as they are.

    **Cost:** reads every footer once.

    Args:
        listing: The files; keys that stand in their paths count like columns.
        sample: A sample of the same rows, which says where values stand.
        columns: The columns that questions ask about.
        blooms: The columns that are known to have Bloom filters.
    """
    axes = {name: axis for name in columns if (axis := sample.axis(name)) is not None}
    rows: list[int] = []
    files: list[int] = []
    ranges: dict[str, list[_Range]] = {name: [] for name in axes}
    for number, path in enumerate(listing.files):
        footer = read_footer(path)
        keys = _key_values(listing, number)
        places = _leaves(footer)
        for index in range(footer.num_row_groups):
            group = footer.row_group(index)
            rows.append(group.num_rows)
            files.append(number)
            for name, axis in axes.items():
                ranges[name].append(
                    _point(keys[name], axis) if name in keys else _range(group, places, name, axis)
                )
    reaches = {name: _reach(found) for name, found in ranges.items()}
    return Groups(
        np.array(rows, float),
        np.array(files, int),
        reaches,
        frozenset(blooms),
        frozenset(listing.keys),
    )


def _reach(ranges: Sequence[_Range]) -> Reach:
    lows, highs, nulls = zip(*ranges, strict=True) if ranges else ((), (), ())
    return Reach(np.array(lows, float), np.array(highs, float), np.array(nulls, bool))


def _key_values(listing: Listing, number: int) -> dict[str, Any]:
    values = listing.path_values
    return {name: values[name][number].as_py() for name in values.column_names}


def _leaves(footer: FileMetaData) -> dict[str, int]:
    """Return the number of each column that is no list or struct."""
    names = [footer.schema.column(number).path for number in range(footer.num_columns)]
    return {name: number for number, name in enumerate(names) if "." not in name}


def _point(value: Any, axis: Axis) -> _Range:
    if value is None:
        return _NOWHERE
    try:
        place = float(axis.place(comparable(value, axis.kind)))
    except UnsuitedError:
        return _ANYWHERE
    return place, place, False


def _range(group: RowGroupMetaData, places: Mapping[str, int], name: str, axis: Axis) -> _Range:
    if name not in places:
        return _NOWHERE  # a column that the file lacks is NULL
    column = group.column(places[name])
    statistics = column.statistics
    if statistics is None:
        return _ANYWHERE
    has_nulls = not statistics.has_null_count or statistics.null_count > 0
    if statistics.has_null_count and statistics.null_count == group.num_rows:
        return _NOWHERE
    if not statistics.has_min_max:
        return _ANYWHERE
    try:
        low, high = (
            axis.place(comparable(_plain(value, axis.kind), axis.kind))
            for value in (statistics.min, statistics.max)
        )
    except (UnsuitedError, TypeError, ValueError):
        return _ANYWHERE
    return float(low), float(high), has_nulls


def _plain(value: Any, kind: pa.DataType) -> Any:
    """Return a statistic as conditions take values; Parquet's own times may come in UTC."""
    is_naive = pt.is_timestamp(kind) and kind.tz is None
    if isinstance(value, dt.datetime) and value.tzinfo is not None and is_naive:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value
