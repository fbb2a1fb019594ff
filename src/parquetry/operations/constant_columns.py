"""Columns that have one value in a whole row group, as far as statistics prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

_PROVABLE = (  # floats hide NaN from statistics; the rest is no key that people partition by
    pt.is_integer,
    pt.is_string,
    pt.is_large_string,
    pt.is_boolean,
    pt.is_date32,
)


def find_constants(
    footer: FileMetaData, schema: pa.Schema, columns: Iterable[str]
) -> dict[str, tuple[Any, ...]]:
    """Return, for each of the columns that a file has, its value in each row group; None if not known.

    A value counts as proven if smallest and largest are the same and no value is NULL. Bounds that were
    cut short differ: the largest is then rounded up.
    """
    places = {
        footer.schema.column(number).path: number
        for number in range(len(footer.schema))
        if footer.schema.column(number).max_repetition_level == 0
    }
    return {
        name: tuple(
            _constant(footer.row_group(group).column(places[name]))
            for group in range(footer.num_row_groups)
        )
        for name in columns
        if name in places and name in schema.names and is_provable(schema.field(name).type)
    }


def is_provable(kind: pa.DataType) -> bool:
    """Return whether the bounds of a type show that there is nothing between and beside them."""
    return any(test(kind) for test in _PROVABLE)


def _constant(chunk: Any) -> Any:
    said = chunk.statistics
    if said is None or not said.has_min_max or not said.has_null_count or said.null_count:
        return None
    low, high = said.min, said.max
    return low if low == high and type(low) is type(high) else None
