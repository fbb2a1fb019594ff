"""What a footer says of row groups and chunks that have come to stand elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.files.splicing.extending import extend, joined_index
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    RowGroup,
    SortingColumn,
)
from parquetry.files.splicing.indexes import PageIndex, read_page_index
from parquetry.files.splicing.statistics import Bounds, keep_bounds
from parquetry.files.splicing.structs import I16, I32, I64, LIST, STRUCT, Struct, zigzag
from parquetry.files.splicing.thrift import decode_structs, encode_struct, encode_structs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.splicing.footer import Chunk
    from parquetry.files.splicing.schema import Element
    from parquetry.files.splicing.source import Source

MAX_ORDINAL = 2**15 - 1
"""A row group's number is written in 16 bits."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A chunk that is to be copied: whence, and what becomes of its bounds."""

    source: Source
    chunk: Chunk
    bounds: Bounds
    tail: Tail | None = None

    @property
    def size(self) -> int:
        """How many bytes its pages will take."""
        return self.chunk.size + (0 if self.tail is None else self.tail.chunk.size)


@dataclass(frozen=True, slots=True)
class Tail:
    """A chunk whose pages come behind those of another, after so many rows, and of what column."""

    source: Source
    chunk: Chunk
    bounds: Bounds
    rows_before: int
    element: Element


@dataclass(frozen=True, slots=True)
class Placed:
    """A chunk that was copied: its struct without index places, and its page index."""

    struct: Struct
    index: PageIndex | None


def place_chunk(pick: Pick, start: int, bloom_filter: tuple[int, int] | None) -> Placed:
    """Return the chunk as the new footer describes it.

    Args:
        pick: The chunk.
        start: Where its first page stands in the new file.
        bloom_filter: Offset and length of its Bloom filter there, if it has one.
    """
    shift = start - pick.chunk.start
    metadata = Struct(pick.chunk.metadata)
    _move_pages(metadata, pick.chunk, shift)
    _move_bloom_filter(metadata, bloom_filter)
    with_bounds = keep_bounds(metadata, pick.bounds)
    index = read_page_index(pick.source, pick.chunk, shift, with_bounds=with_bounds)
    if pick.tail is not None:
        index = _extend(metadata, index, pick.tail, start + pick.chunk.size)
    struct = Struct(pick.chunk.struct)
    struct.put(ColumnChunk.META_DATA, STRUCT, encode_struct(metadata))
    _move_file_offset(struct, pick.chunk, shift)
    struct.drop(*ColumnChunk.INDEX_PLACES)
    return Placed(struct, index)


def _extend(metadata: Struct, index: PageIndex | None, tail: Tail, start: int) -> PageIndex | None:
    has_bounds = extend(metadata, tail)
    shift = start - tail.chunk.start
    behind = read_page_index(tail.source, tail.chunk, shift, with_bounds=has_bounds)
    return joined_index(index, behind, tail.rows_before, has_bounds=has_bounds)


def place_index(struct: Struct, offsets: tuple[int, int], columns: tuple[int, int] | None) -> None:
    """Say where the page index of a chunk stands: offset and length of both parts."""
    struct.put_integer(ColumnChunk.OFFSET_INDEX_OFFSET, offsets[0], I64)
    struct.put_integer(ColumnChunk.OFFSET_INDEX_LENGTH, offsets[1], I32)
    if columns is not None:
        struct.put_integer(ColumnChunk.COLUMN_INDEX_OFFSET, columns[0], I64)
        struct.put_integer(ColumnChunk.COLUMN_INDEX_LENGTH, columns[1], I32)


def place_group(group: Struct, start: int, picks: Sequence[Pick], rows: int | None) -> Struct:
    """Return a row group as the new footer describes it, without its chunks and its number.

    Args:
        group: The row group in its old footer.
        start: Where its first page stands in the new file.
        picks: Its chunks.
        rows: How many rows it has now, if it is not wholly what it was.
    """
    placed = Struct(group)
    placed.put_integer(RowGroup.FILE_OFFSET, start)
    placed.drop(RowGroup.ORDINAL)
    if rows is not None:
        chunks = [part.chunk for pick in picks for part in (pick, pick.tail) if part is not None]
        loose = ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE
        total = sum(chunk.metadata.integer(loose) or 0 for chunk in chunks)
        placed.put_integer(RowGroup.TOTAL_BYTE_SIZE, total)
        placed.put_integer(RowGroup.TOTAL_COMPRESSED_SIZE, sum(one.size for one in chunks))
        placed.put_integer(RowGroup.NUM_ROWS, rows)
    return placed


def place_sorting(group: Struct, leaves: Mapping[int, int]) -> None:
    """Say by which columns a row group is still sorted.

    An order holds down to its first column that was replaced: rows sorted by day and price are
    sorted by day, whatever becomes of the price.

    Args:
        group: The row group.
        leaves: The new numbers of the leaves that were copied with it, by their old ones.
    """
    raw = group.raw(RowGroup.SORTING_COLUMNS)
    if raw is None:
        return
    kept: list[Struct] = []
    for key in decode_structs(raw):
        leaf = leaves.get(key.integer(SortingColumn.COLUMN_IDX) or 0)
        if leaf is None:
            break
        key.put_integer(SortingColumn.COLUMN_IDX, leaf, I32)
        kept.append(key)
    if kept:
        group.put(RowGroup.SORTING_COLUMNS, LIST, encode_structs(kept))
    else:
        group.drop(RowGroup.SORTING_COLUMNS)


def number_groups(groups: Sequence[Struct]) -> None:
    """Give row groups their numbers, all or none: readers refuse footers that number some."""
    if len(groups) - 1 <= MAX_ORDINAL:
        for number, group in enumerate(groups):
            group.put(RowGroup.ORDINAL, I16, zigzag(number))


def _move_pages(metadata: Struct, chunk: Chunk, shift: int) -> None:
    for field in ColumnMetaData.PAGE_PLACES:
        at = metadata.integer(field)
        if at is not None and chunk.start <= at <= chunk.end:
            metadata.put_integer(field, at + shift)
        elif at:  # zero is how some writers say that there is none
            metadata.drop(field)


def _move_bloom_filter(metadata: Struct, place: tuple[int, int] | None) -> None:
    if place is None:
        metadata.drop(ColumnMetaData.BLOOM_FILTER_OFFSET, ColumnMetaData.BLOOM_FILTER_LENGTH)
        return
    metadata.put_integer(ColumnMetaData.BLOOM_FILTER_OFFSET, place[0], I64)


def _move_file_offset(struct: Struct, chunk: Chunk, shift: int) -> None:
    """Move a field that the format has given up on; where it means nothing, it becomes zero."""
    at = struct.integer(ColumnChunk.FILE_OFFSET) or 0
    inside = chunk.start <= at < chunk.end
    struct.put_integer(ColumnChunk.FILE_OFFSET, at + shift if inside else 0)
