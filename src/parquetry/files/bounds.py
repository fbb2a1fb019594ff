"""Whether the statistics of a column agree with the partition folder that its file stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyarrow import types as pt

from parquetry.errors import LayoutError
from parquetry.model.hive import value_text
from parquetry.model.partitions import parse_text
from parquetry.model.schema import normal_type

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

LONGEST_CERTAIN = 16
"""Bytes; no writer cuts the bounds of texts shorter than this."""


def is_certain(bound: Any) -> bool:
    """Return whether no writer can have cut a bound short."""
    stored = bound.encode() if isinstance(bound, str) else bound
    return not isinstance(stored, bytes) or len(stored) < LONGEST_CERTAIN


def find_disagreement(
    footer: FileMetaData, schema: pa.Schema, key: str, text: str | None
) -> str | None:
    """Return how a column's values contradict the folder `key=text`, or None as far as can be told.

    Only statistics are read; a column without them, or a nested one, contradicts nothing.

    Args:
        footer: The file's footer.
        schema: Its Arrow schema.
        key: The partition key.
        text: The folder's value, unescaped; None for NULL.
    """
    column = _leaf_number(footer, key)
    if column is None or schema.names.count(key) != 1:
        return None
    kind = normal_type(schema.field(key).type)
    if pt.is_binary(kind) or pt.is_null(kind):
        return None  # old writers call text binary, and nobody says how it is encoded
    try:
        wanted = parse_text(text, kind)
    except LayoutError:
        return f"the folder value {text!r} is no {kind}, which is the column's type"
    for number in range(footer.num_row_groups):
        found = footer.row_group(number).column(column).statistics
        if found is not None:
            reason = _contradiction(found, wanted)
            if reason is not None:
                return reason
    return None


def _leaf_number(footer: FileMetaData, key: str) -> int | None:
    columns = [footer.schema.column(number) for number in range(footer.num_columns)]
    numbers = [
        number
        for number, leaf in enumerate(columns)
        if leaf.path == key and leaf.max_repetition_level == 0
    ]
    return numbers[0] if len(numbers) == 1 else None


def _contradiction(found: Any, wanted: Any) -> str | None:
    if wanted is None:
        return "it holds values" if found.num_values else None
    if found.has_null_count and found.null_count:
        return f"{found.null_count} of its values are NULL"
    if not found.has_min_max or wanted != wanted:  # noqa: PLR0124  NaN has no place between bounds
        return None
    try:
        low, high = found.min, found.max
        if not low <= wanted <= high:
            return _range(low, high)
    except (TypeError, ValueError, OverflowError):  # a type whose statistics have other units
        return None
    if low != high and is_certain(low) and is_certain(high):
        return _range(low, high)
    return None


def _range(low: Any, high: Any) -> str:
    if low == high:
        return f"its value is {_shown(low)}"
    return f"its values range from {_shown(low)} to {_shown(high)}"


def _shown(bound: Any) -> str:
    try:
        return f"{value_text(bound)!r:.60}"
    except LayoutError:
        return f"{bound!r:.60}"
