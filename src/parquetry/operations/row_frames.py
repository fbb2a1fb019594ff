"""Rows of some row groups as one frame, as the dataset sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError
from parquetry.model.plain_numbers import array_of
from parquetry.model.wording import first_line
from parquetry.operations.reading_together import read_together
from parquetry.operations.types import polars_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.operations.bounds import Flags
    from parquetry.operations.opened import OpenedFile, Places
    from parquetry.operations.scope import ScopedFile

Columns: TypeAlias = "Mapping[str, pa.ChunkedArray]"
"""Columns of some rows by name."""

_MOST_JOINED = 1 << 30  # bytes; texts of twice as many do not fit into one array


class Part(NamedTuple):
    """Rows of a row group of an opened file: those at some positions, or all."""

    file: OpenedFile
    group: int
    at: Places | None = None

    @property
    def rows(self) -> int:
        """How many these are."""
        return self.file.group_rows[self.group] if self.at is None else len(self.at)


def frame_of(
    parts: Sequence[Part], names: Sequence[str], types: Mapping[str, pa.DataType]
) -> pl.DataFrame:
    """Return columns of rows as the dataset sees them, part by part.

    Partition keys are taken from the folder, with which our own files are known to agree; columns
    that a file lacks are NULL, and all have the types of the dataset.

    **Cost:** what does not depend on the number of rows is done once for all parts, as far as it can
    be; where positions are given, one part at a time is decoded in whole.

    Args:
        parts: The rows; one part at least.
        names: The columns.
        types: The dataset's types.
    """
    if not names:
        return pl.DataFrame(height=sum(part.rows for part in parts))
    together = _read_all(parts, names)
    if together is not None:
        return pl.DataFrame([_column_of(name, types[name], parts, together) for name in names])
    tables = [_stored(part, names) for part in parts]
    return pl.DataFrame([_column(name, types[name], parts, tables) for name in names])


def _read_all(parts: Sequence[Part], names: Sequence[str]) -> Columns | None:
    """Return the columns whose values files alike hold, one part behind another; None for others."""
    first = parts[0].file.file
    if any(
        part.file.file.columns is not first.columns
        or part.file.file.keys.keys() != first.keys.keys()
        for part in parts
    ):
        return None
    table = read_together(parts, _held(first, names))
    return None if table is None else dict(zip(table.column_names, table.columns, strict=True))


def _held(file: ScopedFile, names: Sequence[str]) -> list[str]:
    stored = set(file.columns.names).difference(file.keys)
    return [name for name in names if name in stored]


def _stored(part: Part, names: Sequence[str]) -> Columns:
    """Return the columns whose values the file holds."""
    held = _held(part.file.file, names)
    if not held:
        return {}
    if part.at is None:
        table = part.file.read(part.group, held)
    else:
        table = part.file.read_some(part.group, held, part.at)
    return dict(zip(table.column_names, table.columns, strict=True))


def _column(
    name: str,
    kind: pa.DataType,
    parts: Sequence[Part],
    tables: Sequence[Columns],
) -> pl.Series:
    holding = [part for part, table in zip(parts, tables, strict=True) if name in table]
    if not holding:
        return _column_of(name, kind, parts, {})
    if len(holding) < len(parts):
        both = zip(parts, tables, strict=True)
        return pl.concat([_column(name, kind, [part], [table]) for part, table in both])
    found = [table[name] for table in tables]
    if any(one.type != found[0].type for one in found):
        paths = [part.file.file.path for part in parts]
        found = [_cast(one, kind, name, path) for one, path in zip(found, paths, strict=True)]
    chunks = [chunk for one in found for chunk in one.chunks]
    return _column_of(name, kind, parts, {name: pa.chunked_array(chunks, found[0].type)})


def _column_of(name: str, kind: pa.DataType, parts: Sequence[Part], held: Columns) -> pl.Series:
    """Return a column by what the files hold, or their folders say."""
    if name not in held:
        values = [part.file.file.keys.get(name) for part in parts]
        return repeated(name, values, [part.rows for part in parts], kind)
    where = parts[0].file.file.path
    together = _cast(held[name], kind, name, where)
    if together.num_chunks > 1 and together.nbytes < _MOST_JOINED:
        together = together.combine_chunks()  # Polars takes over chunk by chunk
    return to_polars(together, name, where)


def repeated(
    name: str, values: Sequence[Any], counts: Sequence[int], kind: pa.DataType
) -> pl.Series:
    """Return a column that holds each of some values so many times."""
    if all(value is None for value in values):
        return to_polars(pa.nulls(sum(counts), kind), name, "the dataset")
    once = pl.Series(name, values, dtype=polars_type(kind))
    if len(values) == 1:
        return once.new_from_index(0, counts[0])
    return once[pl.Series(array_of(np.repeat(np.arange(len(values)), counts)))]


def rows_of(frame: pl.DataFrame, flags: Flags) -> pl.DataFrame:
    """Return the rows whose flag is set; `DataFrame.filter` would ask the query engine for them."""
    wanted = pl.Series(array_of(flags))
    columns = [column.filter(wanted) for column in frame]
    return pl.DataFrame(columns) if columns else pl.DataFrame(height=int(flags.sum()))


def to_polars(column: pa.Array | pa.ChunkedArray, name: str, where: str) -> pl.Series:
    """Return an Arrow column for Polars.

    Raises:
        SchemaMismatchError: Polars has no such type.
    """
    if polars_type(column.type) is None:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} is {column.type}, which Polars cannot hold without loss, "
            "so it cannot be filtered by, compared or set. Nothing was changed. Leave it out of the "
            "expression, or rewrite it in another type.",
            path=where,
        )
    try:
        if pt.is_nested(column.type):  # Polars mistakes the NULLs of some that are slices of others
            column = column.take(array_of(np.arange(len(column))))
        return pl.Series(name, column)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} cannot be taken over by Polars: {first_line(error)}. "
            "Nothing was changed. Leave it out of the expression.",
            path=where,
        ) from error


def _cast(column: pa.ChunkedArray, kind: pa.DataType, name: str, where: str) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    try:
        return pc.cast(column, kind)
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} is {column.type} and cannot be read as {kind}, its type in "
            f"the dataset: {first_line(error)}. Nothing was changed. Check this file.",
            path=where,
        ) from error
