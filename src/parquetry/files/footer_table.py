"""Footers of one shape as columns of numbers: what thousands of files say of their row groups.

PyArrow parses a footer in 30 µs and makes an object of every fact that is asked for; thousands of files
of one writer and schema say the same things in the same order. Here one walk reads all of them. What
bounds are to be believed is decided by PyArrow for one of the files, and holds for the others: they name
the same writer, the same schema and the same order of values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from parquetry.errors import CorruptionError
from parquetry.files.footers import parse_footer
from parquetry.files.lockstep import Flags, Numbers, Spans, UnusualError, Walk, each_shape
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    FileMetaData,
    KeyValue,
    RowGroup,
    Statistics,
)
from parquetry.files.splicing.meaning import ARROW_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyarrow.parquet import FileMetaData as Footer

WORTH_A_WALK = 128
"""So many footers of one shape take PyArrow as long as one walk through all of them."""


class ChunkFacts(NamedTuple):
    """What footers of one shape say of a column in one of their row groups; None where nothing.

    `said` is where all of that stands.
    """

    values: Numbers | None = None
    nulls: Numbers | None = None
    nans: Numbers | None = None
    low: Spans | None = None
    high: Spans | None = None
    said: Spans | None = None


@dataclass(frozen=True, eq=False)
class FooterTable:
    """Footers that have the same fields in the same order.

    Args:
        members: Which of the footers that were given these are.
        example: The first of them, as PyArrow understands it.
        raw: The first of them, as it stands there.
        whole: The bytes that spans of values point into, and some to spare.
        rows: How many rows each row group has; one row a footer.
        sizes: How many bytes its values take before they are compressed.
        chunks: By row group and leaf, what the footers say of it.
    """

    members: Numbers
    example: Footer
    raw: bytes
    whole: bytes
    rows: np.ndarray[Any, np.dtype[np.int64]]
    sizes: np.ndarray[Any, np.dtype[np.int64]]
    chunks: dict[tuple[int, int], ChunkFacts] = field(repr=False)

    @cached_property
    def data(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bytes that spans of values point into."""
        return np.frombuffer(self.whole, np.uint8)

    def texts(self, spans: Spans) -> list[bytes]:
        """Return binary values of any length."""
        return spans.each(self.data)

    def numbers(self, spans: Spans, kind: str) -> np.ndarray[Any, Any] | None:
        """Return binary values as NumPy's numbers of a type, None if they are not as long."""
        width = np.dtype(kind).itemsize
        if (spans.lengths != width).any():
            return None
        found: np.ndarray[Any, Any] = self.data[spans.starts[:, None] + np.arange(width)]
        return found.view(kind)[:, 0]


def read_together(footers: Sequence[bytes]) -> tuple[list[FooterTable], list[int]]:
    """Return footers by their shapes, and the numbers of those that too few others are like.

    **Cost:** about 0.5 ms for each column chunk of a footer, whatever their number up to thousands.

    Args:
        footers: Footers in Thrift's compact form, as `footer_bytes` returns them.
    """
    tables = list(each_shape(len(footers), partial(_read_alike, footers), WORTH_A_WALK))
    alone = np.ones(len(footers), bool)
    for table in tables:
        alone[table.members] = False
    return tables, np.flatnonzero(alone).tolist()


def _read_alike(footers: Sequence[bytes], numbers: Numbers) -> FooterTable | None:
    """Return the footers that are like the first; None if that one is none of PyArrow's."""
    walk = Walk([footers[number] for number in numbers.tolist()])
    first = footers[int(numbers[0])]
    try:
        groups, chunks = _read_file(walk)
        walk.finish()
        example = parse_footer(first, "a file")
    except (UnusualError, IndexError, RecursionError, CorruptionError):
        return None
    same = walk.same
    kept = {place: _only(facts, same) for place, facts in chunks.items()}
    rows, sizes = (
        np.stack(part, axis=1)[same] if groups else np.empty((int(same.sum()), 0), np.int64)
        for part in ([one[0] for one in groups], [one[1] for one in groups])
    )
    return FooterTable(numbers[same], example, first, walk.whole, rows, sizes, kept)


def _only(facts: ChunkFacts, same: Flags) -> ChunkFacts:
    def numbers(found: Numbers | None) -> Numbers | None:
        return None if found is None else found[same]

    def spans(found: Spans | None) -> Spans | None:
        return None if found is None else Spans(found.starts[same], found.lengths[same])

    return ChunkFacts(
        numbers(facts.values),
        numbers(facts.nulls),
        numbers(facts.nans),
        spans(facts.low),
        spans(facts.high),
        spans(facts.said),
    )


def _read_file(
    walk: Walk,
) -> tuple[list[tuple[Numbers, Numbers]], dict[tuple[int, int], ChunkFacts]]:
    """Return rows and bytes of each row group, and what is said of its chunks."""
    groups: list[tuple[Numbers, Numbers]] = []
    chunks: dict[tuple[int, int], ChunkFacts] = {}
    for number, kind in walk.fields():
        if number == FileMetaData.ROW_GROUPS:
            count = walk.items()[0]
            groups.extend(_read_group(walk, group, chunks) for group in range(count))
            continue
        if number == FileMetaData.KEY_VALUE_METADATA:
            _follow_key_values(walk)
            continue
        start = walk.at
        walk.skip(kind)
        if number != FileMetaData.NUM_ROWS:
            walk.keep_alike(start)  # schema, writer, order of values
    return groups, chunks


def _follow_key_values(walk: Walk) -> None:
    """Go past what else the files say, which may differ, but for the Arrow schema."""
    for _ in range(walk.items()[0]):
        is_schema = False
        for number, kind in walk.fields():
            start = walk.at
            walk.skip(kind)
            if number == KeyValue.KEY:
                is_schema = walk.first(start).endswith(ARROW_SCHEMA.encode())
            if number == KeyValue.KEY or is_schema:
                walk.keep_alike(start)


def _read_group(
    walk: Walk, group: int, chunks: dict[tuple[int, int], ChunkFacts]
) -> tuple[Numbers, Numbers]:
    rows: Numbers | None = None
    size: Numbers | None = None
    for number, kind in walk.fields():
        if number == RowGroup.COLUMNS:
            for leaf in range(walk.items()[0]):
                chunks[group, leaf] = _read_chunk(walk)
        elif number == RowGroup.NUM_ROWS:
            rows = walk.integers()
        elif number == RowGroup.TOTAL_BYTE_SIZE:
            size = walk.integers()
        elif number == RowGroup.SORTING_COLUMNS:
            start = walk.at
            walk.skip(kind)
            walk.keep_alike(start)
        else:
            walk.skip(kind)
    if rows is None or size is None:
        raise UnusualError
    return rows, size


def _read_chunk(walk: Walk) -> ChunkFacts:
    facts = ChunkFacts()
    for number, kind in walk.fields():
        if number == ColumnChunk.META_DATA:
            start = walk.at
            facts = _read_metadata(walk)
            facts = facts._replace(said=Spans(start, walk.at - start))
        elif number == ColumnChunk.FILE_PATH:
            raise UnusualError  # the data stand in another file
        else:
            walk.skip(kind)
    return facts


def _read_metadata(walk: Walk) -> ChunkFacts:
    facts, values = ChunkFacts(), None
    for number, kind in walk.fields():
        if number == ColumnMetaData.STATISTICS:
            facts = _read_statistics(walk)
        elif number == ColumnMetaData.NUM_VALUES:
            values = walk.integers()
        else:
            walk.skip(kind)
    return facts._replace(values=values)


_COUNTS = {Statistics.NULL_COUNT: "nulls", Statistics.NAN_COUNT: "nans"}
_BOUNDS = {Statistics.MIN_VALUE: "low", Statistics.MAX_VALUE: "high"}


def _read_statistics(walk: Walk) -> ChunkFacts:
    found: dict[str, Any] = {}
    for number, kind in walk.fields():
        if number in _COUNTS:
            found[_COUNTS[number]] = walk.integers()
        elif number in _BOUNDS:
            found[_BOUNDS[number]] = walk.binaries()
        else:
            walk.skip(kind)
    return ChunkFacts(**found)
