"""Column chunks of new row groups put together from pages, as a source that can be copied from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.alike import Origin
from parquetry.files.bundles.chunks import Chunks, Groups
from parquetry.files.bundles.structs import Cut, Structs
from parquetry.files.lockstep import Spans
from parquetry.files.pages.page_index import column_indexes, offset_indexes
from parquetry.files.splicing.fields import ColumnMetaData, Encoding, Statistics
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.splicing.footer import MAGIC
from parquetry.files.splicing.structs import BINARY, I32, I64, LIST, STRUCT, TRUE, zigzag
from parquetry.files.splicing.thrift import encode_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.bundles.alike import Alike
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.made import Facts, MadePages

_CODED = encode_list(
    I32, [zigzag(one) for one in (Encoding.PLAIN, Encoding.RLE, Encoding.RLE_DICTIONARY)]
)


def join_pages(files: Alike, begins: Numbers, made: Mapping[int, MadePages]) -> Origin:
    """Return row groups of some columns, in memory; their chunks are in the order of `made`.

    **Cost:** the bytes of the pages are held once more.

    Args:
        files: Files alike of one row group each.
        begins: Which of them each new row group begins with.
        made: By leaf, the pages of the new row groups.
    """
    first = np.zeros(len(files.members), bool)
    first[begins] = True
    group = files.origin.groups[0]
    sizes = {leaf: np.array([len(page) for page in one.pages]) for leaf, one in made.items()}
    chunk_sizes = np.stack(
        [one.heads + np.add.reduceat(sizes[leaf], one.begins) for leaf, one in made.items()], axis=1
    )
    ends = np.cumsum(chunk_sizes).reshape(chunk_sizes.shape)
    starts = len(MAGIC) + ends - chunk_sizes
    memory = _Memory(_in_order(list(made.values())))
    chunks: list[Chunks] = []
    for step, (leaf, one) in enumerate(made.items()):
        start = starts[:, step]
        offsets = memory.put(offset_indexes(one, sizes[leaf], start + one.heads))
        columns = memory.put(column_indexes(one))
        old = group.chunks[leaf].only(first)
        place = start, chunk_sizes[:, step]
        metadata = _said(old.metadata, one, *place)
        chunks.append(
            Chunks(old.struct, metadata, *place, None, offsets, columns, has_column_index=True)
        )
    rows = np.add.reduceat(group.rows, begins)
    groups = Groups(group.struct.only(first), rows, tuple(chunks))
    return Origin([memory.file()], np.zeros(len(begins), np.int64), (groups,))


def _in_order(columns: Sequence[MadePages]) -> list[bytes | memoryview]:
    """Return dictionaries and pages, row group by row group."""
    pages: list[bytes | memoryview] = []
    for number, runs in enumerate(zip(*(one.runs() for one in columns), strict=True)):
        for one, run in zip(columns, runs, strict=True):
            pages += one.dictionaries[number : number + 1]
            pages += one.pages[run]
    return pages


class _Memory:
    """Bytes of pages, and of page indexes behind them."""

    def __init__(self, pages: Sequence[bytes | memoryview]) -> None:
        self._pieces = [MAGIC, *pages]  # for a page at the very beginning is none
        self._size = sum(map(len, self._pieces))

    def put(self, each: Sequence[bytes]) -> Spans:
        """Put something of each row group behind what is there, and return where it stands."""
        lengths = np.array([len(one) for one in each], np.int64)
        starts = np.cumsum(lengths) - lengths + self._size
        self._pieces += each
        self._size += int(lengths.sum())
        return Spans(starts, lengths)

    def file(self) -> FileBytes:
        """Return the bytes as a file."""
        return FileBytes("pages that were just put together", data=b"".join(self._pieces))


def _said(old: Structs, made: MadePages, start: Numbers, size: Numbers) -> Structs:
    """Return the metadata of a new chunk, after those of the old one that its row group begins with."""
    said = old.copy()
    said.put_integer(ColumnMetaData.CODEC, np.full(len(start), made.codec))
    said.put_integer(ColumnMetaData.NUM_VALUES, np.add.reduceat(made.rows, made.begins))
    loose_sizes = made.heads + np.add.reduceat(made.loose_sizes, made.begins)
    said.put_integer(ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, loose_sizes)
    said.put_integer(ColumnMetaData.TOTAL_COMPRESSED_SIZE, size)
    said.put_integer(ColumnMetaData.DATA_PAGE_OFFSET, start + made.heads)
    said.drop(
        ColumnMetaData.DICTIONARY_PAGE_OFFSET,
        ColumnMetaData.INDEX_PAGE_OFFSET,
        ColumnMetaData.BLOOM_FILTER_OFFSET,
        ColumnMetaData.BLOOM_FILTER_LENGTH,
        *ColumnMetaData.DESCRIBING_PAGES,
    )
    if made.dictionaries:
        said.put_integer(ColumnMetaData.DICTIONARY_PAGE_OFFSET, start)
        said.put(ColumnMetaData.ENCODINGS, LIST, _CODED)
    facts = made.facts.of_runs(made.begins)
    said.put(ColumnMetaData.STATISTICS, STRUCT, _statistics(facts))
    return said


def _statistics(facts: Facts) -> Structs:
    low, high = facts.binaries()
    said = Structs()
    said.put(Statistics.NULL_COUNT, I64, facts.nulls)
    said.put(Statistics.MAX_VALUE, BINARY, Cut.of(high))
    said.put(Statistics.MIN_VALUE, BINARY, Cut.of(low))
    said.put(Statistics.IS_MAX_VALUE_EXACT, TRUE, b"")
    said.put(Statistics.IS_MIN_VALUE_EXACT, TRUE, b"")
    if facts.low.dtype.kind == "f":
        said.put(Statistics.NAN_COUNT, I64, np.zeros_like(facts.nulls))
    return said
