"""The options of the house for PyArrow's Parquet writer, and why they are what they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.errors import ParameterError, UnknownColumnError
from parquetry.files.leaves import list_leaves

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

ROW_GROUP_ROWS = 131_072
ZSTD_LEVEL = 3
BLOOM_FALSE_POSITIVES = 0.05
"""Asked for; sizes are powers of two, so that 128 KiB for a full row group give 0.026."""

Direction: TypeAlias = Literal["ascending", "descending"]
Sorting: TypeAlias = "Sequence[str | tuple[str, Direction]]"
"""Column names, ascending unless the name stands beside a direction."""

_LONG_DIGITS = 18  # what a whole number of 64 bits holds
CODECS = {"none": 0, "snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6, "lz4": 7}
"""The codecs by the numbers that the format gives them."""


@dataclass(frozen=True)
class WriterOptions:
    """What `pyarrow.parquet.ParquetWriter` is called with, and how many rows a row group has."""

    arguments: Mapping[str, Any]
    row_group_rows: int = ROW_GROUP_ROWS


def writer_options(
    schema: pa.Schema,
    *,
    compression: str = "zstd",
    row_group_rows: int = ROW_GROUP_ROWS,
    bloom_columns: Collection[str] = (),
    sorting: Sorting | None = None,
    nan_columns: Collection[str] = (),
    decimals_as_integers: bool = True,
) -> WriterOptions:
    """Return the options of the house for a schema.

    Args:
        schema: The schema of the new file.
        compression: The codec.
        row_group_rows: The rows of a full row group.
        bloom_columns: Columns, or dotted paths of leaves, that get Bloom filters.
        sorting: The columns that the rows are sorted by. It is said in the file; nobody sorts.
        nan_columns: Columns or leaves that get no statistics, for a writer that cannot count NaN
            itself (`Encoder` can).
        decimals_as_integers: Whether decimals of up to 18 digits are stored as whole numbers, as
            Polars and DuckDB do. PyArrow by itself stores bytes; columns that are to stand in a
            file of its own must be stored the same way.

    Raises:
        ParameterError: If the codec is unknown, the number of rows is not positive, or a Bloom
            filter is wanted of booleans.
        UnknownColumnError: If a column is named that the schema does not have.
    """
    return _options(
        schema,
        compression,
        row_group_rows,
        tuple(bloom_columns),
        tuple(sorting or ()),
        tuple(nan_columns),
        decimals_as_integers,
    )


@lru_cache(maxsize=256)
def _options(
    schema: pa.Schema,
    compression: str,
    row_group_rows: int,
    bloom_columns: tuple[str, ...],
    sorting: tuple[str | tuple[str, Direction], ...],
    nan_columns: tuple[str, ...],
    decimals_as_integers: bool,
) -> WriterOptions:
    if compression not in CODECS:
        known = ", ".join(sorted(CODECS))
        raise ParameterError(f"There is no compression {compression!r}; there are {known}.")
    if row_group_rows < 1:
        raise ParameterError(f"A row group cannot have {row_group_rows} rows.")
    leaves = list_leaves(schema)
    without = set(_paths(schema, nan_columns))
    arguments: dict[str, Any] = {
        "version": "2.6",
        "compression": compression,
        "use_dictionary": [leaf.path for leaf in leaves if _is_text(leaf.type)],
        "column_encoding": {
            leaf.path: "DELTA_BINARY_PACKED"
            for leaf in leaves
            if _is_whole(leaf.type) or (decimals_as_integers and _is_short_decimal(leaf.type))
        },
        "write_statistics": [leaf.path for leaf in leaves if leaf.path not in without]
        if without
        else True,
        "write_page_index": True,
        "write_page_checksum": True,
        "store_schema": True,
        "store_decimal_as_integer": decimals_as_integers,
        "sorting_columns": _sorting_columns(schema, sorting) or None,
        "bloom_filter_options": {
            path: {"ndv": row_group_rows, "fpp": BLOOM_FALSE_POSITIVES}
            for path in _bloom_paths(schema, bloom_columns)
        }
        or None,
    }
    if compression == "zstd":
        arguments["compression_level"] = ZSTD_LEVEL
    return WriterOptions(arguments, row_group_rows)


def _is_text(kind: pa.DataType) -> bool:
    variable = pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
    binary = pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind)
    return bool(variable or binary)


def _is_whole(kind: pa.DataType) -> bool:
    """Whether Parquet stores the values as whole numbers of 32 or 64 bits."""
    return bool(pt.is_integer(kind) or (pt.is_temporal(kind) and not pt.is_interval(kind)))


def _is_short_decimal(kind: pa.DataType) -> bool:
    return bool(pt.is_decimal(kind) and kind.precision <= _LONG_DIGITS)


def _paths(schema: pa.Schema, names: Collection[str]) -> Iterator[str]:
    """Yield the paths of the leaves that are named, or that stand below a column that is."""
    below = {
        field.name: [leaf.path for leaf in list_leaves(pa.schema([field]))] for field in schema
    }
    paths = [path for inner in below.values() for path in inner]
    for name in names:
        if name in below:
            yield from below[name]
        elif name in paths:
            yield name
        else:
            raise UnknownColumnError.of(name, [*below], "the schema to write")


def _bloom_paths(schema: pa.Schema, names: Collection[str]) -> list[str]:
    paths = list(_paths(schema, names))
    for leaf in list_leaves(schema):
        if leaf.path in paths and pt.is_boolean(leaf.type):
            raise ParameterError(f"A Bloom filter of {leaf.path!r}, true or false, has no use.")
    return paths


def _sorting_columns(schema: pa.Schema, sorting: Sorting) -> list[pq.SortingColumn]:
    paths = [leaf.path for leaf in list_leaves(schema)]
    columns = []
    for key in sorting:
        name, direction = (key, "ascending") if isinstance(key, str) else key
        if direction not in {"ascending", "descending"}:
            raise ParameterError(f"Rows are sorted ascending or descending, not {direction!r}.")
        if name not in paths:
            raise UnknownColumnError.of(name, paths, "the schema to write")
        columns.append(pq.SortingColumn(paths.index(name), direction == "descending"))
    return columns
