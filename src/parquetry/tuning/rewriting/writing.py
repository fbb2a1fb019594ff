"""Rows in their order, as files of a layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.errors import SchemaMismatchError
from parquetry.files.encoding import Encoder, writer_options
from parquetry.files.text_codes import CODES, in_codes
from parquetry.operations.decoding import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.files.encoding import WriterOptions
    from parquetry.model.layouts import Layout
    from parquetry.storage.protocol import Storage

_UNITS = {"ms", "us", "ns"}
_SMALL_SHARE = 2  # a partition of less than half a row group shares a file with its neighbours


@dataclass(frozen=True)
class Shape:
    """How large the files of a rewriting become.

    Args:
        layout: The layout.
        schema: The columns, as they are declared in the files.
        file_rows: The most rows of a file.
    """

    layout: Layout
    schema: pa.Schema
    file_rows: int

    @classmethod
    def of(cls, layout: Layout, schema: pa.Schema, rows: int, encoded_bytes: int) -> Shape:
        """Return the shape for rows of a known encoded size: whole row groups up to the target."""
        row_bytes = max(encoded_bytes / rows, 1 / 8) if rows else 1
        groups = int(layout.target_file_bytes / row_bytes) // layout.row_group_rows
        return cls(layout, schema, max(groups, 1) * layout.row_group_rows)

    def cuts(self, partitions: pl.DataFrame, rows: int) -> list[tuple[int, int]]:
        """Return where the files of sorted rows begin and end.

        Args:
            partitions: The partition terms of the rows; no columns if there are none.
            rows: How many rows there are.
        """
        least = self.layout.row_group_rows // _SMALL_SHARE
        ends: list[int] = []
        start = 0
        for end in [*_changes(partitions), rows]:
            if end - start < least and end != rows:
                continue
            if end == rows and ends and end - start < least:
                continue  # too few for a file of their own
            ends += range(start + self.file_rows, end, self.file_rows)
            ends.append(end)
            start = end
        if ends:
            ends[-1] = rows
        starts = [0, *ends[:-1]]
        return [(a, b) for a, b in zip(starts, ends, strict=True) if b > a]

    def options(self, rows: int) -> WriterOptions:
        """Return how a file of so many rows is written, in row groups of like size."""
        layout = self.layout
        groups = -(-rows // layout.row_group_rows)
        is_sorted = not (layout.partition_by or layout.cuts or layout.curve)
        blooms = [name for name in layout.bloom_columns if name in self.schema.names]
        return writer_options(
            self.schema,
            compression=layout.compression,
            row_group_rows=-(-rows // max(groups, 1)),
            bloom_columns=blooms,
            sorting=[name for name in layout.sort_by if name in self.schema.names]
            if is_sorted
            else None,
        )


def _changes(partitions: pl.DataFrame) -> Iterator[int]:
    """Yield the places where another partition begins."""
    changed = np.zeros(max(partitions.height - 1, 0), bool)
    for column in partitions.iter_columns():
        before, after = column.head(len(column) - 1), column.tail(len(column) - 1)
        changed |= before.ne_missing(after).to_numpy()
    yield from (int(place) + 1 for place in np.flatnonzero(changed))


def write_file_of(
    storage: Storage, path: str, rows: pa.Table, shape: Shape, codes: Sequence[str] = ()
) -> None:
    """Write rows as one file; it is not durable before it is synced.

    Args:
        storage: The disk.
        path: The new file.
        rows: The rows.
        shape: What becomes of them.
        codes: Text columns whose values come as codes.
    """
    table = declared(rows, in_codes(shape.schema, codes))
    with (
        storage.create(path) as sink,
        Encoder(sink, shape.schema, shape.options(rows.num_rows), codes) as encoder,
    ):
        encoder.write(table)


def declared(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows in the variants of their types that files declare."""
    try:
        columns = [
            table[one.name] if table[one.name].type == one.type else table[one.name].cast(one.type)
            for one in schema
        ]
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"Rows could not be brought to the types that their files declare: {error}. Nothing was "
            "changed."
        ) from error
    return pa.table(columns, schema=schema)


def gathered(table: pa.Table, places: pl.Series) -> pa.Table:
    """Return the rows at these places; Polars is the faster, where it knows the types.

    Text in codes moves as codes, which are those of one dictionary afterwards.
    """
    table = table.unify_dictionaries()
    moved = {name: _numbers_of(table[name]) for name in table.column_names}
    plain = {name: one for name, one in moved.items() if one is not None}
    frame = pl.DataFrame(pl.from_arrow(pa.table(plain)))[places] if plain else pl.DataFrame()
    indices = places.to_arrow()
    columns = []
    for name in table.column_names:
        if name not in plain:
            columns.append(table[name].combine_chunks().take(indices))
            continue
        found = frame[name].to_arrow(compat_level=pl.CompatLevel.oldest()).cast(plain[name].type)
        columns.append(_in_codes(found, table[name]) if table[name].type == CODES else found)
    return pa.table(columns, schema=table.schema)


def _numbers_of(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return what of a column Polars can move: its values, or its codes; None without either."""
    if column.type == CODES:
        return pa.chunked_array([one.indices for one in column.chunks], pa.int32())
    is_known = is_plain(pa.schema([pa.field("values", column.type)]), _UNITS)
    return column if is_known else None


def _in_codes(codes: pa.Array, like: pa.ChunkedArray) -> pa.Array:
    """Return codes of the dictionary that all chunks of a column share."""
    values = like.chunk(0).dictionary if like.num_chunks else pa.array([], pa.string())
    return pa.DictionaryArray.from_arrays(codes, values)
