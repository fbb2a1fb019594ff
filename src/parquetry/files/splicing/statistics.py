"""Which bounds of column chunks are carried over.

Bounds that a reader believes and should not are wrong answers, so they are left behind where

- readers do not believe them in their old file, and its `created_by` or missing column orders are
  not to be seen in the new one;
- they are bounds of floats, and the footer does not say that no value is NaN: a NaN stands outside
  the bounds, and DuckDB then answers `f > 1.0` wrongly.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from parquetry.files.splicing.fields import ColumnMetaData, Statistics
from parquetry.files.splicing.structs import STRUCT, Struct
from parquetry.files.splicing.thrift import decode_struct, encode_struct
from parquetry.files.splicing.writers import find_distrust

if TYPE_CHECKING:
    from parquetry.files.splicing.footer import Footer
    from parquetry.files.splicing.schema import Element

_BOUNDS = (
    Statistics.MAX,
    Statistics.MIN,
    Statistics.MAX_VALUE,
    Statistics.MIN_VALUE,
    Statistics.IS_MAX_VALUE_EXACT,
    Statistics.IS_MIN_VALUE_EXACT,
)


class Bounds(Enum):
    """What becomes of the bounds of a column chunk."""

    KEEP = "keep"
    KEEP_IF_NO_NAN = "keep if the footer says that no value is NaN"
    DROP = "drop"


def decide_bounds(
    reference: Footer, their_leaf: int, footer: Footer, leaf: int, element: Element
) -> Bounds:
    """Return what becomes of the bounds of a leaf.

    Args:
        reference: The footer whose column orders the new file gets.
        their_leaf: The number of the leaf there.
        footer: The footer of the file that is copied.
        leaf: The number of the leaf in that file.
        element: The node of the schema.
    """
    if find_distrust(footer):
        return Bounds.DROP
    promised = _order(reference, their_leaf)
    if promised is not None and promised != _order(footer, leaf):
        return Bounds.DROP
    return Bounds.KEEP_IF_NO_NAN if element.is_float else Bounds.KEEP


def keep_bounds(metadata: Struct, bounds: Bounds) -> bool:
    """Take the bounds out of a chunk's metadata where they may not stay; say whether they stay."""
    if bounds is Bounds.KEEP:
        return True
    raw = metadata.raw(ColumnMetaData.STATISTICS)
    if raw is None:
        return False
    statistics = decode_struct(raw)
    if bounds is Bounds.KEEP_IF_NO_NAN and statistics.integer(Statistics.NAN_COUNT) == 0:
        return True
    statistics.drop(*_BOUNDS)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, encode_struct(statistics))
    return False


def record_nan_count(metadata: Struct, count: int) -> bool:
    """Say how many values of a chunk are NaN, and take its bounds out if any is.

    Returns:
        Whether bounds may stay, in the page index as well.
    """
    raw = metadata.raw(ColumnMetaData.STATISTICS)
    statistics = decode_struct(raw) if raw is not None else Struct()
    statistics.put_integer(Statistics.NAN_COUNT, count)
    if count:
        statistics.drop(*_BOUNDS)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, encode_struct(statistics))
    return not count


def _order(footer: Footer, leaf: int) -> bytes | None:
    orders = footer.column_orders
    return orders[leaf] if leaf < len(orders) else None
