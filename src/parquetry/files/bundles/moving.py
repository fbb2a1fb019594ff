"""What many footers say of row groups and chunks that have come to stand elsewhere.

It is what `splicing.moving` does for one file; which fields move is told there and in its `fields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, RowGroup
from parquetry.files.splicing.structs import I16, I32, I64, LIST, STRUCT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.bundles.outputs import PickedGroup
    from parquetry.files.bundles.structs import Structs
    from parquetry.files.lockstep import Numbers, Spans


def place_chunk(chunks: Chunks, start: Numbers, bloom: Spans | None) -> Structs:
    """Return a chunk as the new footers describe it, but for its page index."""
    shift = start - chunks.start
    metadata = chunks.metadata.copy()
    for field in ColumnMetaData.PAGE_PLACES:
        at = metadata.integer(field)
        if at is not None and at[0]:  # the others are like the first
            metadata.put_integer(field, at + shift)
    if bloom is None:
        metadata.drop(ColumnMetaData.BLOOM_FILTER_OFFSET, ColumnMetaData.BLOOM_FILTER_LENGTH)
    else:
        metadata.put_integer(ColumnMetaData.BLOOM_FILTER_OFFSET, bloom.starts)
    struct = chunks.struct.copy()
    struct.put(ColumnChunk.META_DATA, STRUCT, metadata)
    at = struct.integer(ColumnChunk.FILE_OFFSET)
    if at is None:
        at = np.zeros_like(start)
    inside = (at >= chunks.start) & (at < chunks.end)
    struct.put_integer(ColumnChunk.FILE_OFFSET, np.where(inside, at + shift, 0))
    struct.drop(*ColumnChunk.INDEX_PLACES)
    return struct


def place_index(struct: Structs, offsets: Spans, columns: Spans | None) -> None:
    """Say where the page index of a chunk stands."""
    places = [(offsets.starts, I64), (offsets.lengths, I32)]
    if columns is not None:
        places += [(columns.starts, I64), (columns.lengths, I32)]
    for field, (values, kind) in zip(ColumnChunk.INDEX_PLACES, places, strict=False):
        struct.put_integer(field, values, kind)


def place_group(
    picked: PickedGroup, start: Numbers, number: Numbers, chunks: Sequence[Structs]
) -> Structs:
    """Return a row group as the new footers describe it."""
    struct = picked.group.struct.copy()
    struct.put_integer(RowGroup.FILE_OFFSET, start)
    if picked.is_other:
        loose = ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE
        sizes = [pick.chunks.metadata.integer(loose) for pick in picked.picks]
        known = [size for size in sizes if size is not None]
        struct.put_integer(RowGroup.TOTAL_BYTE_SIZE, np.sum(known, axis=0))
        packed = np.sum([pick.size for pick in picked.picks], axis=0)
        struct.put_integer(RowGroup.TOTAL_COMPRESSED_SIZE, packed)
        struct.put_integer(RowGroup.NUM_ROWS, picked.rows)
    if picked.sorting is None:
        struct.drop(RowGroup.SORTING_COLUMNS)
    else:
        struct.put(RowGroup.SORTING_COLUMNS, LIST, picked.sorting)
    struct.drop(RowGroup.ORDINAL)
    struct.put(RowGroup.COLUMNS, LIST, list(chunks))
    struct.put_integer(RowGroup.ORDINAL, number, I16)
    return struct
