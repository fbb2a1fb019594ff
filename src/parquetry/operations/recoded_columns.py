"""Columns of small files that are decoded with one call, and encoded anew by one writer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import types as pt

from parquetry.files.bundles.alike import LooseGroups
from parquetry.files.bundles.stacking import ChunkPlaces, Stack, decode_stacked
from parquetry.files.encoding import Encoder
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.targets import MemoryFile
from parquetry.files.text_codes import CODES, LARGEST_DICTIONARY, in_codes, repeated
from parquetry.model.schema import part_of
from parquetry.operations.decoding import decode_checked, decode_files
from parquetry.operations.moulds import options_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.pages.choosing import SmallFiles
    from parquetry.files.splicing.schema import Column
    from parquetry.operations.moulds import Mould
    from parquetry.operations.parts import Piece

Values: TypeAlias = "pa.Array | pa.ChunkedArray"


def recode(
    small: SmallFiles, pieces: Sequence[Piece], names: Sequence[str], mould: Mould
) -> LooseGroups:
    """Return some columns, encoded anew: a row group for each new one.

    Args:
        small: The files.
        pieces: What is told of each.
        names: The columns.
        mould: What the new files take after.

    Raises:
        CorruptionError: A file is damaged.
        UnusualError: It does not hold what its footer says.
    """
    schema = part_of(pieces[0].file_schema, names)
    columns = _Columns(small, pieces).new(schema)
    codes = [name for name in names if columns[name][0].type == CODES]
    typed = in_codes(schema, codes)
    options = options_for(schema, mould.style, decimals_as_integers=mould.decimals_as_integers)
    memory = MemoryFile()
    with Encoder(memory, schema, options, codes) as encoder:
        for parts in zip(*(columns[name] for name in names), strict=True):
            encoder.write(pa.table(list(parts), schema=typed))
            encoder.end_row_group()
    return LooseGroups.of(FileBytes("rows that were just encoded", data=memory.content))


@dataclass(frozen=True)
class _Columns:
    """The values of columns of small files."""

    small: SmallFiles
    pieces: Sequence[Piece]

    def new(self, schema: pa.Schema) -> dict[str, list[Values]]:
        """Return the values of some columns in each new row group, texts in codes where they are so."""
        rows = self.small.files.origin.groups[0].rows
        begins = self.small.begins
        counts = np.add.reduceat(rows, begins).tolist()
        firsts = [self.pieces[number].repeated for number in begins.tolist()]
        found: dict[str, list[Values]] = {}
        for name in schema.names:
            if all(name in one.repeated for one in self.pieces):
                pairs = zip(firsts, counts, strict=True)
                found[name] = [_repeat(one[name], count) for one, count in pairs]
        rest = part_of(schema, [name for name in schema.names if name not in found])
        if rest.names:
            table = self._decoded(rest)
            if table.num_rows != rows.sum():
                raise UnusualError
            starts = np.cumsum([0, *counts]).tolist()
            for name in rest.names:
                column = table[name]
                cuts = pairwise(starts)
                found[name] = [column.slice(start, end - start) for start, end in cuts]
        return found

    def _decoded(self, schema: pa.Schema) -> pa.Table:
        known = {column.name: column for column in self.small.files.example.columns}
        columns = [known[name] for name in schema.names]
        paths = [one.path for one in self.pieces]
        if not all(map(_is_flat, columns)):
            contents = [file.read(0, file.size) for file in self.small.files.origin.files]
            return decode_files(paths, schema, contents)
        chunks = {column.name: self._chunk(column) for column in columns}
        codes = [
            name
            for name, chunk in chunks.items()
            if pt.is_string(schema.field(name).type)
            and chunk.has_small_dictionary(LARGEST_DICTIONARY)
        ]
        places = {column.first_leaf: chunks[column.name] for column in columns}
        table = decode_stacked(self._stack(places), schema.names, codes)
        if table is None:
            return decode_checked(paths, schema)
        plain = in_codes(schema.remove_metadata(), codes)
        return table.select(schema.names).replace_schema_metadata(None).cast(plain)

    def _chunk(self, column: Column) -> ChunkPlaces:
        chunk = self.small.files.origin.groups[0].chunks[column.first_leaf]
        return ChunkPlaces(chunk.metadata, chunk.start, chunk.size)

    def _stack(self, places: dict[int, ChunkPlaces]) -> bytes:
        """Return a file of the pages of some columns."""
        whole = memoryview(self.small.whole)
        starts = np.stack([one.starts + self.small.places for one in places.values()], axis=1)
        ends = starts + np.stack([one.sizes for one in places.values()], axis=1)
        spans = zip(starts.ravel().tolist(), ends.ravel().tolist(), strict=True)
        pieces = [whole[start:end] for start, end in spans]
        rows = self.small.files.origin.groups[0].rows
        return Stack(self.small.files.example.struct).file(rows, places, pieces)


def _is_flat(column: Column) -> bool:
    first = column.elements[0]
    is_old_time = first.physical is not None and first.physical[0] == "INT96"
    return len(column.elements) == 1 and first.repetition != "repeated" and not is_old_time


def _repeat(value: pa.Scalar, count: int) -> pa.Array:
    if value.type == pa.string():
        return repeated(value.as_py(), count)
    return pa.repeat(value, count)
