"""Column chunks of files alike: what is said of them, held against what may be copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.structs import Structs, read_structs
from parquetry.files.lockstep import Numbers, Spans, UnusualError, Walk
from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, RowGroup, Statistics
from parquetry.files.splicing.footer import MAGIC
from parquetry.files.splicing.statistics import Bounds
from parquetry.files.splicing.structs import STRUCT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.lockstep import Flags


@dataclass(frozen=True, eq=False)
class Chunks:
    """One column chunk in each of several files.

    Args:
        struct: What the footers say of it.
        metadata: Its metadata, without bounds that may not stay.
        start: Where its first page begins.
        size: How many bytes its pages take.
        bloom: Where its Bloom filter stands, None if it has none that can be copied.
        offsets: Where its offset index stands.
        columns: Where its column index stands, if its bounds stay.
        has_column_index: Whether the footers tell of one, wherever it is.
    """

    struct: Structs
    metadata: Structs
    start: Numbers
    size: Numbers
    bloom: Spans | None
    offsets: Spans | None
    columns: Spans | None
    has_column_index: bool = False

    @property
    def end(self) -> Numbers:
        """Where its last page ends."""
        return self.start + self.size

    def only(self, kept: Flags) -> Chunks:
        """Return the chunk of some of the files."""
        if kept.all():
            return self
        return Chunks(
            self.struct.only(kept),
            self.metadata.only(kept),
            self.start[kept],
            self.size[kept],
            _only(self.bloom, kept),
            _only(self.offsets, kept),
            _only(self.columns, kept),
            self.has_column_index,
        )


@dataclass(frozen=True, eq=False)
class Groups:
    """One row group in each of several files.

    Args:
        struct: What the footers say of it.
        rows: How many rows it has.
        chunks: Its chunks, leaf by leaf.
    """

    struct: Structs
    rows: Numbers
    chunks: tuple[Chunks, ...]

    def only(self, kept: Flags) -> Groups:
        """Return the row group of some of the files."""
        if kept.all():
            return self
        chunks = tuple(chunk.only(kept) for chunk in self.chunks)
        return Groups(self.struct.only(kept), self.rows[kept], chunks)


def settle_group(walk: Walk, struct: Structs, bounds: Sequence[Bounds], limit: Numbers) -> Groups:
    """Return a row group as it may be copied; files of which that is not as of the first stay behind.

    Args:
        walk: The walk that has read it.
        struct: What the footers say of it.
        bounds: What becomes of the bounds, leaf by leaf.
        limit: Where no page stands any more in each file.

    Raises:
        UnusualError: The row group of the first file cannot be copied, or not together with others.
    """
    rows = struct.integer(RowGroup.NUM_ROWS)
    found = struct.structs(RowGroup.COLUMNS)
    if rows is None or len(found) != len(bounds):
        raise UnusualError
    walk.leave(rows <= 0)
    chunks = [_settle(walk, *one, limit) for one in zip(found, bounds, strict=True)]
    return Groups(struct, rows, tuple(chunks))


def hold_apart(walk: Walk, groups: Sequence[Groups]) -> None:
    """Leave files behind in which column chunks overlap."""
    starts = np.stack([chunk.start for group in groups for chunk in group.chunks], axis=1)
    ends = np.stack([chunk.end for group in groups for chunk in group.chunks], axis=1)
    order = np.argsort(starts, axis=1, kind="stable")
    starts, ends = (np.take_along_axis(one, order, axis=1) for one in (starts, ends))
    overlap: Flags = np.logical_or.reduce(ends[:, :-1] > starts[:, 1:], axis=1)
    walk.leave(overlap)


def _settle(walk: Walk, struct: Structs, bounds: Bounds, limit: Numbers) -> Chunks:
    metadata = struct.struct(ColumnChunk.META_DATA)
    if metadata is None or any(field in struct for field in ColumnChunk.ELSEWHERE):
        raise UnusualError
    start, size = _place(walk, metadata, limit)
    for field in ColumnMetaData.PAGE_PLACES:
        at = metadata.integer(field)
        if at is not None and walk.agree(at != 0):
            walk.leave((at < start) | (at > start + size))
    bloom = _find(
        walk,
        metadata,
        (ColumnMetaData.BLOOM_FILTER_OFFSET, ColumnMetaData.BLOOM_FILTER_LENGTH),
        limit,
    )
    metadata = metadata.copy()
    with_bounds = _keeps_bounds(walk, metadata, bounds)
    places = ColumnChunk.INDEX_PLACES
    offsets = _find(walk, struct, places[:2], limit)
    has_columns = offsets is not None and with_bounds
    columns = _find(walk, struct, places[2:], limit) if has_columns else None
    has_any = ColumnChunk.COLUMN_INDEX_OFFSET in struct
    return Chunks(struct, metadata, start, size, bloom, offsets, columns, has_any)


def _place(walk: Walk, metadata: Structs, limit: Numbers) -> tuple[Numbers, Numbers]:
    """Return where the pages of a chunk begin, and how many bytes they take."""
    start, data, size = find_pages(metadata)
    inside = (start >= len(MAGIC)) & (start <= limit)
    inside &= (size > 0) & (size <= limit - start) & (data - start <= size)
    walk.leave(~inside)
    return start, size


def find_pages(metadata: Structs) -> tuple[Numbers, Numbers, Numbers]:
    """Return where the pages of a chunk begin, where its first data page does, and how long they are.

    Raises:
        UnusualError: That is not told.
    """
    data = metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET)
    size = metadata.integer(ColumnMetaData.TOTAL_COMPRESSED_SIZE)
    if data is None or size is None:
        raise UnusualError
    dictionary = metadata.integer(ColumnMetaData.DICTIONARY_PAGE_OFFSET)
    if dictionary is None:
        return data, data, size
    return np.minimum(data, np.where(dictionary == 0, data, dictionary)), data, size


def _find(walk: Walk, struct: Structs, fields: tuple[int, ...], limit: Numbers) -> Spans | None:
    """Return where something stands between the magic and the footer, None if that is not told."""
    offset, length = (struct.integer(field) for field in fields)
    if offset is None or length is None:
        return None
    inside = (offset >= len(MAGIC)) & (offset <= limit) & (length > 0) & (length <= limit - offset)
    return Spans(offset, length) if walk.agree(inside) else None


def _keeps_bounds(walk: Walk, metadata: Structs, bounds: Bounds) -> bool:
    """Take bounds out of metadata where they may not stay; return whether they stay."""
    if bounds is Bounds.KEEP:
        return True
    if ColumnMetaData.STATISTICS not in metadata:
        return False
    cut = metadata.cut(ColumnMetaData.STATISTICS)
    if cut is None:
        raise UnusualError
    inner = Walk.within(walk.whole, cut.starts, cut.starts + cut.lengths)
    statistics = read_structs(inner, {}, Statistics.BOUNDS)
    walk.leave(~inner.same)
    nans = statistics.integer(Statistics.NAN_COUNT)
    if bounds is Bounds.KEEP_IF_NO_NAN and nans is not None and walk.agree(nans == 0):
        return True
    statistics.drop(*Statistics.BOUNDS)
    metadata.put(ColumnMetaData.STATISTICS, STRUCT, statistics)
    return False


def _only(spans: Spans | None, kept: Flags) -> Spans | None:
    return None if spans is None else spans.only(kept)
