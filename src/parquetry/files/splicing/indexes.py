"""The page indexes and Bloom filters of column chunks, at their new places.

A column index holds bounds by page and no place, so it is copied as it is. An offset index holds
the place of every page, so it is written anew. A Bloom filter is copied if its length is known. An
index that does not fit its chunk is left behind: readers do without, and none is better than one
that leads them astray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parquetry.errors import CorruptionError
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    OffsetIndex,
    PageLocation,
)
from parquetry.files.splicing.footer import MAGIC
from parquetry.files.splicing.thrift import decode_struct, encode_struct

if TYPE_CHECKING:
    from parquetry.files.splicing.footer import Chunk
    from parquetry.files.splicing.source import Source
    from parquetry.files.splicing.structs import Struct


class PageIndex(NamedTuple):
    """The two indexes of a chunk's pages, as bytes; the column index only with bounds."""

    offsets: bytes
    columns: bytes | None


def read_page_index(
    source: Source, chunk: Chunk, shift: int, *, with_bounds: bool
) -> PageIndex | None:
    """Return the page index of a chunk whose pages move by `shift` bytes, or nothing."""
    place = _place(
        source,
        chunk.struct,
        ColumnChunk.OFFSET_INDEX_OFFSET,
        ColumnChunk.OFFSET_INDEX_LENGTH,
    )
    offsets = (
        None if place is None else moved_offsets(source.read(*place), chunk.start, chunk.end, shift)
    )
    if offsets is None:
        return None
    place = _place(
        source,
        chunk.struct,
        ColumnChunk.COLUMN_INDEX_OFFSET,
        ColumnChunk.COLUMN_INDEX_LENGTH,
    )
    keep = with_bounds and place is not None
    return PageIndex(offsets, source.read(*place) if keep and place else None)


def moved_offsets(raw: bytes, start: int, end: int, shift: int) -> bytes | None:
    """Return an offset index whose pages stand `shift` bytes further, or nothing if it lies.

    Args:
        raw: The index.
        start: Where the first page of its chunk begins.
        end: Where the last one ends.
        shift: How much further they will stand.
    """
    try:
        index = decode_struct(raw, {OffsetIndex.PAGE_LOCATIONS: {}})
        for page in index.structs(OffsetIndex.PAGE_LOCATIONS):
            at = page.integer(PageLocation.OFFSET)
            if at is None or not start <= at < end:
                return None
            page.put_integer(PageLocation.OFFSET, at + shift)
    except CorruptionError:
        return None
    return encode_struct(index)


def find_bloom_filter(source: Source, chunk: Chunk) -> tuple[int, int] | None:
    """Return offset and length of a chunk's Bloom filter, if both are known."""
    return _place(
        source,
        chunk.metadata,
        ColumnMetaData.BLOOM_FILTER_OFFSET,
        ColumnMetaData.BLOOM_FILTER_LENGTH,
    )


def _place(
    source: Source, struct: Struct, offset_field: int, length_field: int
) -> tuple[int, int] | None:
    """Return offset and length of something that stands between the magic and the footer."""
    offset, length = struct.integer(offset_field), struct.integer(length_field)
    if offset is None or length is None or length <= 0 or offset < len(MAGIC):
        return None
    return (offset, length) if offset + length <= source.footer.start else None
