"""Rows of several files made into one: large row groups as bytes, small ones decoded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.model.schema import normal_schema, unite
from parquetry.operations.decoding import CHUNK_ROWS
from parquetry.operations.joined_output import JoinedOutput, fitted
from parquetry.operations.moulds import find_mould
from parquetry.operations.parts import Loose, Piece, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.files.splicing import Sink
    from parquetry.operations.moulds import Style
    from parquetry.operations.parts import Part

_FILES_AT_ONCE = 32


def join(parts: Sequence[Part], sink: Sink, style: Style) -> int:
    """Write one Parquet file that holds all rows of the parts, in their order, and return how many.

    Where the style says how rows are sorted, those that are encoded together are sorted so.

    **Guarantees:** a call that raises leaves an unfinished sink and no other trace.

    **Cost:** bytes of row groups that are copied are read and written once. Memory holds the rows of
    one row group, decoded and encoded, and one row group that is being decoded.

    Raises:
        SchemaMismatchError: The parts have types for a column that no type holds without loss.
        CorruptionError: A file is damaged.
        NotFoundError: A file does not exist any more.
        StorageError: The disk refuses.
    """
    schema = common_schema([part.schema for part in parts])
    mould = find_mould(parts, schema, style)
    with JoinedOutput(sink, schema, style, mould) as output:
        for bundle in _bundled(parts, style):
            output.add(bundle)
    return output.rows


def gathered(parts: Sequence[Part], style: Style) -> pa.Table:
    """Return all rows of the parts, in their order."""
    tables = [table for bundle in _bundled(parts, style) for table in decoded(bundle)]
    if len(tables) == 1 and isinstance(parts[0], Loose):
        return tables[0]
    schema = common_schema([part.schema for part in parts])
    return pa.concat_tables([fitted(one, schema) for one in tables])


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the schema of the first if all are the same, else the one that holds all of them."""
    first = schemas[0]
    if all(schema is first or schema.equals(first) for schema in schemas):
        return first
    return unite([normal_schema(schema) for schema in schemas])


def _is_like(one: Part, other: Part) -> bool:
    """Whether the same columns of two parts are decoded."""
    if isinstance(one, Loose) or isinstance(other, Loose):
        return False
    return one.file_schema is other.file_schema and one.repeated == other.repeated


def _bundled(parts: Sequence[Part], style: Style) -> Iterator[list[Part]]:
    """Yield the parts, with neighbours that are small files alike together."""
    bundle: list[Part] = []
    held = 0
    for part in parts:
        is_tiny = (
            isinstance(part, Piece)
            and part.groups is None
            and not part.constants
            and len(part.decoded) > 0
            and part.rows < style.small_rows
        )
        fits = bundle and _is_like(part, bundle[0]) and held + part.rows <= CHUNK_ROWS
        if bundle and not (is_tiny and fits and len(bundle) < _FILES_AT_ONCE):
            yield bundle
            bundle, held = [], 0
        if is_tiny:
            bundle.append(part)
            held += part.rows
        else:
            yield [part]
    if bundle:
        yield bundle
