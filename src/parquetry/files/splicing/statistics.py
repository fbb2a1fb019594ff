"""Which bounds of column chunks are carried over.

Bounds that a reader believes and should not are wrong answers, so they are left behind where

- readers do not believe them in their old file, and its `created_by` or missing column orders are
  not to be seen in the new one;
- they are bounds of floats, and the footer does not say that no value is NaN: a NaN stands outside
  the bounds, and DuckDB then answers `f > 1.0` wrongly.
"""

from __future__ import annotations

import struct
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from parquetry.files.splicing.fields import ColumnMetaData, Statistics
from parquetry.files.splicing.structs import BINARY, STRUCT, Struct, sized
from parquetry.files.splicing.thrift import decode_struct, encode_struct
from parquetry.files.splicing.writers import find_distrust

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.files.splicing.footer import Footer
    from parquetry.files.splicing.schema import Element


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
    statistics.drop(*Statistics.BOUNDS)
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
        statistics.drop(*Statistics.BOUNDS)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, encode_struct(statistics))
    return not count


def joined_statistics(
    ours: Struct, theirs: Struct, counts: Sequence[int], element: Element
) -> tuple[Struct, bool]:
    """Return what can be said of the values of two chunks, and whether bounds are among it.

    Args:
        ours: What is said of one; bounds are to be believed.
        theirs: What is said of the other.
        counts: How many values each has, with its NULLs.
        element: Their node of the schema.
    """
    joined = Struct()
    for field in (Statistics.NULL_COUNT, Statistics.NAN_COUNT):
        one, other = ours.integer(field), theirs.integer(field)
        if one is not None and other is not None:
            joined.put_integer(field, one + other)
    sides = [
        side
        for side, count in zip((ours, theirs), counts, strict=True)
        if side.integer(Statistics.NULL_COUNT) != count  # of NULLs alone there are no bounds
    ]
    order = find_order(element)
    for field, is_exact, choose in (
        (Statistics.MAX_VALUE, Statistics.IS_MAX_VALUE_EXACT, max),
        (Statistics.MIN_VALUE, Statistics.IS_MIN_VALUE_EXACT, min),
    ):
        bounds = [(value, side) for side in sides if (value := side.binary(field)) is not None]
        if order is None or not bounds or len(bounds) < len(sides):
            return _without_bounds(joined), False
        value, side = choose(bounds, key=lambda bound: order(bound[0]))
        joined.put(field, BINARY, sized(value))
        if is_exact in side:
            joined.put(is_exact, *side[is_exact])
    return joined, True


def _without_bounds(statistics: Struct) -> Struct:
    statistics.drop(*Statistics.BOUNDS)
    return statistics


@lru_cache(maxsize=256)
def find_order(element: Element) -> Callable[[bytes], Any] | None:
    """Return what sorts the bounds of a leaf as readers do, None where that is not certain."""
    physical = element.physical[0] if element.physical else ""
    match physical, element.kind:
        case (("INT32" | "INT64"), ("INTEGER", _, False)):
            return lambda raw: int.from_bytes(raw, "little")
        case (("INT32" | "INT64"), _):
            return lambda raw: int.from_bytes(raw, "little", signed=True)
        case (("FLOAT" | "DOUBLE"), ()):
            code = "<f" if physical == "FLOAT" else "<d"
            return lambda raw: struct.unpack(code, raw)
        case (("BYTE_ARRAY" | "FIXED_LEN_BYTE_ARRAY"), ("DECIMAL", *_)):
            return lambda raw: int.from_bytes(raw, "big", signed=True)
        case "BOOLEAN", ():
            return bytes
        case "BYTE_ARRAY", (() | ("STRING",) | ("ENUM",) | ("JSON",)):
            return bytes
    return None


def _order(footer: Footer, leaf: int) -> bytes | None:
    orders = footer.column_orders
    return orders[leaf] if leaf < len(orders) else None
