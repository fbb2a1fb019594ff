"""What key-value metadata say about values, where the schema of Parquet has no words for it."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import types as pt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from parquetry.files.splicing.footer import Footer

ARROW_SCHEMA = "ARROW:schema"
PANDAS = "pandas"
"""It describes an index by its rows (`RangeIndex`: start, stop, step), so it never survives."""

READING_KEYS = ("org.apache.spark.legacyDateTime", "org.apache.spark.legacyINT96", "geo")
"""Keys by which readers shift dates, or skip files: two files with different ones cannot be one."""

_ENUM = b"_PL_ENUM_VALUES"


def arrow_meanings(footer: Footer) -> Mapping[tuple[str, ...], object]:
    """Return what only the Arrow schema says, by the path of the column; often nothing.

    A duration is a plain number to Parquet, an extension type its storage, a list of fixed size a
    list, and the categories of an enum are said nowhere else. Variants of one type in memory (large
    or view strings, dictionaries, names of time zones) are no difference in meaning.
    """
    text = footer.key_values.get(ARROW_SCHEMA)
    return _meanings_in(text) if text else {}


@lru_cache(maxsize=64)  # the files of a dataset say the same or a few things
def _meanings_in(text: str) -> Mapping[tuple[str, ...], object]:
    try:
        schema = pa.ipc.read_schema(pa.BufferReader(base64.b64decode(text)))
    except (pa.ArrowException, OSError, ValueError):
        return {(): text}
    return {path: said for field in schema for path, said in _meanings(field, (field.name,))}


def _meanings(field: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    kind = field.type
    categories = (field.metadata or {}).get(_ENUM)
    if categories is not None:
        yield path, ("enum", categories)
    if isinstance(kind, pa.BaseExtensionType):
        yield path, ("extension", kind.extension_name)
        kind = kind.storage_type
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_duration(kind) or pt.is_null(kind):
        yield path, str(kind)
    if pt.is_fixed_size_list(kind):
        yield path, ("size", kind.list_size)
    for index in range(kind.num_fields):
        child = kind.field(index)
        yield from _meanings(child, (*path, child.name))
