"""A table cut into its partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.errors import LayoutError, UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def split(table: pa.Table, keys: Sequence[str]) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Yield each combination of key values with its rows, in order of appearance.

    NULL is a value like any other here, and so is NaN.

    Raises:
        UnknownColumnError: A key is no column of the table.
        LayoutError: A key has values that no folder name can say.
    """
    check_splittable(table, keys)
    if not keys:
        yield {}, table
        return
    if not table.num_rows:
        return
    constant = _constant_values(table, keys)
    if constant is not None:
        yield constant, table
        return
    runs = _runs(table, keys[0]) if len(keys) == 1 else None
    if runs is not None:
        yield from (({keys[0]: value}, rows) for value, rows in runs)
        return
    columns = pl.DataFrame(pl.from_arrow(table.select(list(keys))))
    groups = columns.with_row_index("\0row").group_by(list(keys), maintain_order=True).agg("\0row")
    rows = groups.get_column("\0row")
    for values, indices in zip(groups.select(list(keys)).iter_rows(named=True), rows, strict=True):
        yield values, _take(table, indices)


def check_splittable(table: pa.Table, keys: Sequence[str]) -> None:
    """Raise unless rows can be split by these columns.

    Raises:
        UnknownColumnError: A key is no column of the table.
        LayoutError: A key has values that no folder name can say.
    """
    for key in keys:
        if key not in table.column_names:
            raise UnknownColumnError.of(key, table.column_names, "the rows, which are split by it")
    check_times(table, keys)
    _check_kinds(table, keys)


def distinct(table: pa.Table, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return each combination of key values once, in order of appearance."""
    columns = pl.DataFrame(pl.from_arrow(table.select(list(keys))))
    return columns.unique(maintain_order=True).rows(named=True)


def check_times(table: pa.Table, keys: Sequence[str]) -> None:
    """Raise `LayoutError` if a key has times between microseconds: a folder name would lose them."""
    for key in keys:
        kind = table.schema.field(key).type
        if not (pt.is_timestamp(kind) or pt.is_time64(kind)) or kind.unit != "ns":
            continue
        ticks = table[key].cast(pa.int64())
        whole = pc.multiply(pc.divide(ticks, 1000), 1000)
        if pc.any(pc.not_equal(ticks, whole)).as_py():
            raise LayoutError(
                f"The column {key!r} holds times with nanoseconds, and folders are named to the "
                "microsecond, so different times would share a folder. Nothing was written. Partition "
                "by something coarser, such as the date or the hour, or round the column."
            )


def _check_kinds(table: pa.Table, keys: Sequence[str]) -> None:
    for key in keys:
        kind = table.schema.field(key).type
        if pt.is_nested(kind):
            raise LayoutError(
                f"The column {key!r} is {kind}, which cannot name a partition folder. Nothing was "
                "written. Partition by text, numbers, booleans, dates or times."
            )


def _constant_values(table: pa.Table, keys: Sequence[str]) -> dict[str, Any] | None:
    """Return the values of the keys if each has only one: the usual case, and the cheapest."""
    values = {}
    for key in keys:
        distinct = pc.unique(table[key])
        if len(distinct) != 1:
            return None
        values[key] = distinct[0].as_py()
    return values


def _runs(table: pa.Table, key: str) -> list[tuple[Any, pa.Table]] | None:
    """Return each value of a key with its rows if these stand together, else None.

    That is how runs write their seeds, and takes a tenth of the time of grouping.
    """
    kind = table.schema.field(key).type
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind)):
        return None
    encoded = pc.run_end_encode(table[key].combine_chunks())
    if len(encoded.values) != len(pc.unique(encoded.values)):
        return None
    ends = encoded.run_ends.to_pylist()
    starts = [0, *ends[:-1]]
    values = encoded.values.to_pylist()
    return [(v, table.slice(a, b - a)) for v, a, b in zip(values, starts, ends, strict=True)]


def _take(table: pa.Table, indices: pl.Series) -> pa.Table:
    """Return some rows of a table; without a copy if they stand together."""
    first, last = indices[0], indices[-1]
    if last - first + 1 == len(indices):
        return table.slice(first, len(indices))
    return table.take(indices.to_arrow())
