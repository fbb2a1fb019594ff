"""Column chunks of many files as one file in memory, which is decoded by one call.

A call for a row group of a small file takes as long as decoding it, and the interpreter's lock is held
meanwhile. Row groups of one shape can stand in one file: their pages one behind the other, and a footer
that says where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files.bundles.chunks import find_pages
from parquetry.files.bundles.gathering import gather
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, FileMetaData, RowGroup
from parquetry.files.splicing.footer import MAGIC, seal
from parquetry.files.splicing.structs import I64, LIST, STRUCT, Struct, zigzag
from parquetry.files.splicing.thrift import encode_struct, field_header, list_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.bundles.structs import Part, Structs
    from parquetry.files.lockstep import Flags, Numbers

_UNNEEDED = (
    ColumnMetaData.STATISTICS,
    ColumnMetaData.BLOOM_FILTER_OFFSET,
    ColumnMetaData.BLOOM_FILTER_LENGTH,
    *ColumnMetaData.DESCRIBING_PAGES,
)

_BEFORE_METADATA = b"".join(
    (
        field_header(0, ColumnChunk.FILE_OFFSET, I64),
        zigzag(0),
        field_header(ColumnChunk.FILE_OFFSET, ColumnChunk.META_DATA, STRUCT),
    )
)


@dataclass(frozen=True, eq=False)
class ChunkPlaces:
    """One column chunk in each of several files.

    Args:
        metadata: What the footers say of it.
        starts: Where its first page begins.
        sizes: How many bytes its pages take.
    """

    metadata: Structs
    starts: Numbers
    sizes: Numbers

    @classmethod
    def of(cls, metadata: Structs) -> ChunkPlaces | None:
        """Return where a chunk stands by what is said of it, None if that is nowhere."""
        try:
            starts, data, sizes = find_pages(metadata)
        except UnusualError:
            return None
        is_sound = (starts >= len(MAGIC)) & (sizes > 0) & (data - starts < sizes)
        return cls(metadata, starts, sizes) if is_sound.all() else None

    def only(self, kept: Flags) -> ChunkPlaces:
        """Return the chunk in some of the files."""
        return ChunkPlaces(self.metadata.only(kept), self.starts[kept], self.sizes[kept])

    def has_small_dictionary(self, most: int) -> bool:
        """Whether it has a dictionary of at most so many bytes in each of the files."""
        data = self.metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET)
        dictionary = self.metadata.integer(ColumnMetaData.DICTIONARY_PAGE_OFFSET)
        if data is None or dictionary is None:
            return False
        return bool(((dictionary > 0) & (data - dictionary <= most)).all())

    def moved(self, starts: Numbers) -> Structs:
        """Return what is said of it where its pages begin elsewhere, and it is only to be decoded."""
        metadata = self.metadata.copy()
        metadata.drop(*_UNNEEDED)
        for field in ColumnMetaData.PAGE_PLACES:
            at = metadata.integer(field)
            if at is not None:
                metadata.put_integer(field, np.where(at == 0, 0, at - self.starts + starts))
        return metadata


class Stack:
    """Makes files of some columns of one row group of each of several files, a row group each.

    Of the columns that are not chosen they have no pages: they cannot be decoded.

    Args:
        example: The footer of one of the files, opened down to the metadata of its chunks.
    """

    def __init__(self, example: Struct) -> None:
        self._example = example
        groups = example.structs(FileMetaData.ROW_GROUPS)
        chunks = groups[0].structs(RowGroup.COLUMNS) if groups else []
        self._absent = [encode_struct(_stripped(chunk)) for chunk in chunks]

    def file(
        self,
        rows: Numbers,
        chosen: Mapping[int, ChunkPlaces],
        pieces: Sequence[bytes | memoryview],
    ) -> bytes:
        """Return a file.

        Args:
            rows: How many rows each row group has.
            chosen: By leaf, the chunks.
            pieces: Their pages: those of one file behind those of another, in the order of `chosen`.
        """
        footer = Struct(self._example)
        footer.put_integer(FileMetaData.NUM_ROWS, int(rows.sum()))
        groups = gather(self._group(rows, chosen), len(rows)).data
        footer.put(FileMetaData.ROW_GROUPS, LIST, list_header(len(rows)) + groups)
        return b"".join((MAGIC, *pieces, seal(footer)))

    def _group(self, rows: Numbers, chosen: Mapping[int, ChunkPlaces]) -> list[Part]:
        """Return what is said of each row group."""
        sizes = np.stack([chunk.sizes for chunk in chosen.values()], axis=1)
        starts = np.cumsum(sizes).reshape(sizes.shape) - sizes + len(MAGIC)
        moved = {leaf: one.moved(starts[:, n]) for n, (leaf, one) in enumerate(chosen.items())}
        parts: list[Part] = [
            field_header(0, RowGroup.COLUMNS, LIST),
            list_header(len(self._absent)),
        ]
        for leaf, absent in enumerate(self._absent):
            if leaf in moved:
                parts.append(_BEFORE_METADATA)
                moved[leaf].write(parts)
                parts.append(b"\0")
            else:
                parts.append(absent)
        parts += [field_header(RowGroup.COLUMNS, RowGroup.TOTAL_BYTE_SIZE, I64), zigzag(0)]
        parts += [field_header(RowGroup.TOTAL_BYTE_SIZE, RowGroup.NUM_ROWS, I64), rows, b"\0"]
        return parts


class Wanted(NamedTuple):
    """Row groups that are decoded together, and which of all their rows are kept."""

    groups: Sequence[int]
    rows: pa.Array


def decode_stacked(
    content: bytes,
    names: Sequence[str],
    codes: Sequence[str] = (),
    wanted: Sequence[Wanted] | None = None,
) -> pa.Table | None:
    """Return the rows of what `Stack` made, None where they cannot be decoded.

    **Cost:** page checksums are held against the pages; the interpreter's lock is free meanwhile.

    Args:
        content: The file.
        names: The chosen columns.
        codes: Those of them whose texts come as codes.
        wanted: Some rows; all of them if left out.
    """
    try:
        with pq.ParquetFile(
            pa.BufferReader(content),
            read_dictionary=list(codes),
            page_checksum_verification=True,
            pre_buffer=False,
        ) as file:
            if wanted is None:
                return _decoded(file, range(file.num_row_groups), names)
            return pa.concat_tables(
                _decoded(file, some.groups, names).take(some.rows) for some in wanted
            )
    except (pa.ArrowException, UnicodeDecodeError, OSError):
        return None


def _decoded(file: pq.ParquetFile, groups: Sequence[int], names: Sequence[str]) -> pa.Table:
    table = file.read_row_groups(groups, list(names), use_threads=False)
    if table.num_rows != sum(file.metadata.row_group(number).num_rows for number in groups):
        raise pa.ArrowInvalid("pages hold other rows than their footer says")
    return table


def _stripped(chunk: Struct) -> Struct:
    """Return what has to be said of a chunk that is not there."""
    metadata = Struct(chunk.struct(ColumnChunk.META_DATA) or {})
    metadata.drop(*_UNNEEDED)
    return Struct(
        {ColumnChunk.FILE_OFFSET: (I64, zigzag(0)), ColumnChunk.META_DATA: (STRUCT, metadata)}
    )
