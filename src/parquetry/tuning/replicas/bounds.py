"""Tables of what is known of row groups: rows, size, and the bounds of the columns that matter.

One row a row group: `file` (its number among the files), `rows`, `bytes`, and for each column
`of NAME`, a struct of `low`, `high`, `nulls` (whether there may be NULL) and `only_nulls`. An unknown
bound is NULL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.access.range_tests import Ranges
from parquetry.files.footers import read_footer
from parquetry.operations.bounds import GroupPlace, read_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyarrow.parquet import FileMetaData

    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey

Bound: TypeAlias = tuple[Any, Any, bool, bool]
"""Low, high, whether there may be NULL, whether there is nothing else."""

_OF = "of "
_ORDERED = (pt.is_string, pt.is_integer, pt.is_float64, pt.is_decimal, pt.is_date)


def bounded_columns(names: Iterable[str], columns: pa.Schema) -> pa.Schema:
    """Return those columns whose bounds conditions can be held against."""
    wanted = [name for name in dict.fromkeys(names) if name in columns.names]
    fields = [columns.field(name) for name in wanted]
    return pa.schema([field for field in fields if _is_ordered(field.type)])


def _is_ordered(kind: pa.DataType) -> bool:
    if pt.is_timestamp(kind):
        return kind.tz is None and kind.unit != "ns"
    return any(test(kind) for test in _ORDERED)


def group_table(
    rows: Sequence[tuple[int, int, int, Mapping[str, Bound]]], columns: pa.Schema
) -> pa.Table:
    """Return the table of row groups: of each its file's number, rows, bytes and bounds."""
    table: dict[str, pa.Array] = {
        "file": pa.array([one[0] for one in rows], pa.int32()),
        "rows": pa.array([one[1] for one in rows], pa.int64()),
        "bytes": pa.array([one[2] for one in rows], pa.int64()),
    }
    for field in columns:
        bounds = [one[3][field.name] for one in rows]
        table[_OF + field.name] = pa.StructArray.from_arrays(
            [
                pa.array([one[0] for one in bounds], field.type),
                pa.array([one[1] for one in bounds], field.type),
                pa.array([one[2] for one in bounds], pa.bool_()),
                pa.array([one[3] for one in bounds], pa.bool_()),
            ],
            names=["low", "high", "nulls", "only_nulls"],
        )
    return pa.table(table)


def bound_of(values: pa.ChunkedArray) -> Bound:
    """Return the bounds of decoded values; of floats with a NaN among them nothing is known."""
    nulls = values.null_count
    only_nulls = nulls == len(values)
    if pt.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        return None, None, bool(nulls), False
    found = pc.min_max(values)
    return found["min"].as_py(), found["max"].as_py(), bool(nulls), only_nulls


def source_groups(survey: Survey, files: Sequence[SurveyedFile], columns: pa.Schema) -> pa.Table:
    """Return what the footers and the folders' names of source files say of their row groups.

    **Cost:** one read a file.
    """
    rows = []
    for number, file in enumerate(files):
        path = survey.path_of(file)
        footer = read_footer(path)
        places = [GroupPlace(path, footer, n, file.schema) for n in range(footer.num_row_groups)]
        known = {field.name: _source_bounds(survey, file, field, places) for field in columns}
        for place in places:
            group = footer.row_group(place.index)
            bounds = {name: found[place.index] for name, found in known.items()}
            rows.append((number, group.num_rows, encoded_bytes(footer, place.index), bounds))
    return group_table(rows, columns)


def encoded_bytes(footer: FileMetaData, group: int) -> int:
    """Return how many bytes of its file a row group takes."""
    found = footer.row_group(group)
    return sum(found.column(n).total_compressed_size for n in range(found.num_columns))


def _source_bounds(
    survey: Survey, file: SurveyedFile, field: pa.Field, places: Sequence[GroupPlace]
) -> list[Bound]:
    if field.name in survey.keys:
        value = survey.path_value(field.name, file)
        return [(value, value, value is None, value is None)] * len(places)
    found = read_bounds(places, field.name, field.type)
    is_sure = found.known & ~found.nans
    lows = found.low.to_arrow().cast(field.type).to_pylist()
    highs = found.high.to_arrow().cast(field.type).to_pylist()
    return [
        (
            lows[n] if is_sure[n] else None,
            highs[n] if is_sure[n] else None,
            bool(found.nulls[n]),
            bool(found.only_nulls[n]),
        )
        for n in range(len(places))
    ]


def ranges_of(groups: pa.Table) -> dict[str, Ranges]:
    """Return the bounds of each column as they are asked, by names in small letters."""
    found = {}
    for name in groups.column_names:
        if name.startswith(_OF):
            low, high, nulls, only_nulls = groups[name].combine_chunks().flatten()
            found[name.removeprefix(_OF).lower()] = Ranges(
                low, high, np.asarray(nulls), np.asarray(only_nulls)
            )
    return found
