"""Pages that come to stand behind those of a column chunk, so that a row group gets more rows.

A chunk is a dictionary, if it has one, and data pages, each with an encoding of its own. So rows that
are few need neither a row group of their own, which slows every reader, nor all others encoded again:
their pages are put behind the pages that are there, and what the footer says is said of both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnIndex,
    ColumnMetaData,
    OffsetIndex,
    PageLocation,
)
from parquetry.files.splicing.indexes import PageIndex, read_page_index
from parquetry.files.splicing.statistics import joined_statistics, keep_bounds
from parquetry.files.splicing.structs import I32, LIST, STRUCT, Struct, zigzag
from parquetry.files.splicing.thrift import (
    decode_list,
    decode_struct,
    encode_list,
    encode_struct,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from parquetry.files.splicing.moving import Tail
    from parquetry.files.splicing.source import Source

MOST_PAGES = 16
"""A chunk of so many pages gets no more of them: many small ones would slow readers at last."""

UNORDERED = 0
LISTS = (ColumnIndex.NULL_PAGES, ColumnIndex.MIN_VALUES, ColumnIndex.MAX_VALUES)
"""What every column index has, a value a page."""

SUMS = (
    ColumnMetaData.NUM_VALUES,
    ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE,
    ColumnMetaData.TOTAL_COMPRESSED_SIZE,
)


def is_extendable(source: Source, index: int, columns: Collection[str], codec: int) -> bool:
    """Return whether pages of a codec can be put behind the chunks of some columns of a row group.

    Chunks with a Bloom filter cannot be: it would have to know the new values. Without a page index it
    is not told how many pages there are already.
    """
    footer = source.footer
    chunks = [
        footer.row_groups[index].chunks[column.first_leaf + step]
        for column in footer.columns
        if column.name in columns
        for step in range(len(column.leaves))
    ]
    can_be = all(
        chunk.metadata.integer(ColumnMetaData.CODEC) == codec
        and ColumnMetaData.BLOOM_FILTER_OFFSET not in chunk.metadata
        and ColumnChunk.COLUMN_INDEX_OFFSET in chunk.struct
        for chunk in chunks
    )
    if not chunks or not can_be:
        return False
    pages = read_page_index(source, chunks[0], 0, with_bounds=False)  # as many came to all
    return pages is not None and count_pages(pages.offsets) < MOST_PAGES


def count_pages(offsets: bytes) -> int:
    """Return how many pages an offset index tells of."""
    return len(_pages_of(offsets))


def extend(metadata: Struct, tail: Tail) -> bool:
    """Say of a chunk what is true of it with its tail; return whether it has bounds."""
    theirs = Struct(tail.chunk.metadata)
    keep_bounds(theirs, tail.bounds)
    counts = [one.integer(ColumnMetaData.NUM_VALUES) or 0 for one in (metadata, theirs)]
    raws = [one.raw(ColumnMetaData.STATISTICS) for one in (metadata, theirs)]
    for field in SUMS:
        metadata.put_integer(field, sum(one.integer(field) or 0 for one in (metadata, theirs)))
    lists = tuple(one.raw(ColumnMetaData.ENCODINGS) or b"" for one in (metadata, theirs))
    metadata.put(ColumnMetaData.ENCODINGS, LIST, united(lists))
    metadata.drop(*ColumnMetaData.DESCRIBING_PAGES)
    ours, others = (Struct() if raw is None else decode_struct(raw) for raw in raws)
    statistics, has_bounds = joined_statistics(ours, others, counts, tail.element)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, encode_struct(statistics))
    return has_bounds


@lru_cache(maxsize=256)
def united(lists: tuple[bytes, ...]) -> bytes:
    """Return the encodings that are in any of some lists."""
    values = [value for raw in lists if raw for value in decode_list(raw)[1]]
    return encode_list(I32, [*dict.fromkeys(values)])


def joined_index(
    one: PageIndex | None, other: PageIndex | None, rows_before: int, *, has_bounds: bool
) -> PageIndex | None:
    """Return the page index of a chunk with its tail, as far as both have one."""
    if one is None or other is None:
        return None
    columns = None
    if has_bounds and one.columns is not None and other.columns is not None:
        columns = joined_columns(one.columns, other.columns)
    return PageIndex(joined_offsets(one.offsets, other.offsets, rows_before), columns)


def joined_offsets(one: bytes, other: bytes, rows_before: int) -> bytes:
    """Return an offset index of the pages of two, the second of which stand behind so many rows."""
    pages = [_pages_of(raw) for raw in (one, other)]
    for page in pages[1]:
        first = page.integer(PageLocation.FIRST_ROW_INDEX) or 0
        page.put_integer(PageLocation.FIRST_ROW_INDEX, first + rows_before)
    joined = Struct()
    joined.put(OffsetIndex.PAGE_LOCATIONS, LIST, [*pages[0], *pages[1]])
    return encode_struct(joined)


def _pages_of(offsets: bytes) -> list[Struct]:
    index = decode_struct(offsets, {OffsetIndex.PAGE_LOCATIONS: {}})
    return index.structs(OffsetIndex.PAGE_LOCATIONS)


def joined_columns(one: bytes, other: bytes) -> bytes | None:
    """Return bounds by page; nothing is said any more of their order, and of the levels in pages."""
    ours, theirs = decode_struct(one), decode_struct(other)
    joined = Struct()
    for field in LISTS:
        raws = ours.raw(field), theirs.raw(field)
        if raws[0] is None or raws[1] is None:
            return None
        joined.put(field, LIST, _joined_list(raws[0], raws[1]))
    joined.put(ColumnIndex.BOUNDARY_ORDER, I32, zigzag(UNORDERED))
    nulls = ours.raw(ColumnIndex.NULL_COUNTS), theirs.raw(ColumnIndex.NULL_COUNTS)
    if nulls[0] is not None and nulls[1] is not None:
        joined.put(ColumnIndex.NULL_COUNTS, LIST, _joined_list(nulls[0], nulls[1]))
    return encode_struct(joined)


def _joined_list(one: bytes, other: bytes) -> bytes:
    (kind, values), (_, more) = decode_list(one), decode_list(other)
    return encode_list(kind, [*values, *more])
