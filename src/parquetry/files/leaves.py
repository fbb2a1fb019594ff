"""The leaves of an Arrow schema, which are the columns that Parquet really has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.model.plain_numbers import floats_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Leaf(NamedTuple):
    """A leaf: its dotted path as PyArrow's writer names it, and the type of its values."""

    path: str
    type: pa.DataType


def list_leaves(schema: pa.Schema) -> list[Leaf]:
    """Return the leaves of a schema, in the order in which PyArrow writes them."""
    return [leaf for field in schema for leaf in _leaves(field.type, field.name)]


def count_nans(table: pa.Table) -> dict[int, int]:
    """Return how many values are NaN, by the number of each leaf that holds floats.

    A NaN that hides under a null may be counted: the count is never too low.

    **Cost**: a look at every value of the float columns.
    """
    counts: dict[int, int] = {}
    number = 0
    for place, field in enumerate(table.schema):
        are_floats = _floating(field.type)
        if any(are_floats):
            parts = [list(_arrays(chunk)) for chunk in table.column(place).chunks]
            for step, is_float in enumerate(are_floats):
                if is_float:
                    counts[number + step] = sum(_count(part[step]) for part in parts)
        number += len(are_floats)
    return counts


@lru_cache(maxsize=256)
def _floating(kind: pa.DataType) -> tuple[bool, ...]:
    """Return which leaves of a type hold floats."""
    return tuple(pt.is_floating(leaf.type) for leaf in _leaves(kind, ""))


def _leaves(kind: pa.DataType, path: str) -> Iterator[Leaf]:
    kind = _stored(kind)
    if pt.is_map(kind):
        yield from _leaves(kind.key_type, f"{path}.key_value.key")
        yield from _leaves(kind.item_type, f"{path}.key_value.value")
    elif _is_list(kind):
        yield from _leaves(kind.value_type, f"{path}.list.element")
    elif pt.is_struct(kind):
        for field in kind:
            yield from _leaves(field.type, f"{path}.{field.name}")
    else:
        yield Leaf(path, kind)


def _stored(kind: pa.DataType) -> pa.DataType:
    """Return the type whose values Parquet stores for one of Arrow's own making."""
    if isinstance(kind, pa.BaseExtensionType):
        return _stored(kind.storage_type)
    return _stored(kind.value_type) if pt.is_dictionary(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    plain = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return bool(plain or pt.is_list_view(kind) or pt.is_large_list_view(kind))


def _arrays(array: Any) -> Iterator[Any]:
    """Yield the values of each leaf of an array, in the order of its leaves."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from _arrays(array.storage)
    elif pt.is_dictionary(kind):
        yield from _arrays(
            array.dictionary_decode() if pt.is_floating(_stored(kind)) else array.indices
        )
    elif pt.is_map(kind):
        start, end = (array.offsets[0].as_py(), array.offsets[-1].as_py())
        yield from _arrays(array.keys.slice(start, end - start))
        yield from _arrays(array.items.slice(start, end - start))
    elif _is_list(kind):
        yield from _arrays(array.flatten())
    elif pt.is_struct(kind):
        for child in array.flatten():
            yield from _arrays(child)
    else:
        yield array


def _count(array: Any) -> int:
    if not array.null_count and not pt.is_float16(array.type):
        return int(np.count_nonzero(np.isnan(floats_of(array))))
    if pt.is_float16(array.type):
        array = array.cast(pa.float32())
    total = pc.sum(array).as_py()
    if total is None or total == total:  # noqa: PLR0124 - only a NaN differs from itself
        return 0
    return int(pc.sum(pc.is_nan(array)).as_py() or 0)
