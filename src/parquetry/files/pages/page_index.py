"""Page indexes of column chunks whose pages were just put together, one for each row group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.gathering import gather
from parquetry.files.splicing.extending import UNORDERED
from parquetry.files.splicing.fields import ColumnIndex, OffsetIndex, PageLocation
from parquetry.files.splicing.structs import BINARY, FALSE, I32, I64, LIST, TRUE, zigzag
from parquetry.files.splicing.thrift import field_header, list_header

if TYPE_CHECKING:
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.made import MadePages

_ASCENDING = 1
_END = b"\0"


def offset_indexes(made: MadePages, sizes: Numbers, starts: Numbers) -> list[bytes]:
    """Return where the pages stand.

    Args:
        made: The pages.
        sizes: How many bytes each takes.
        starts: Where the first page of each row group stands, its dictionary aside.
    """
    pages = gather(
        [
            field_header(0, PageLocation.OFFSET, I64),
            _running(sizes, made.begins) + np.repeat(starts, made.counts),
            field_header(PageLocation.OFFSET, PageLocation.COMPRESSED_PAGE_SIZE, I32),
            sizes,
            field_header(PageLocation.COMPRESSED_PAGE_SIZE, PageLocation.FIRST_ROW_INDEX, I64),
            _running(made.rows, made.begins),
            _END,
        ],
        len(sizes),
    )
    head = field_header(0, OffsetIndex.PAGE_LOCATIONS, LIST)
    return [
        b"".join((head, list_header(run.stop - run.start), pages.of(run.start, run.stop), _END))
        for run in made.runs()
    ]


def column_indexes(made: MadePages) -> list[bytes]:
    """Return the bounds of the pages, none of which holds only NULL."""
    low, high = made.facts.binaries()
    nulls = gather([made.facts.nulls], len(made.pages))
    orders = np.where(_are_ascending(made), _ASCENDING, UNORDERED).tolist()
    heads = [
        field_header(before, field, kind)
        for before, field, kind in (
            (0, ColumnIndex.NULL_PAGES, LIST),
            (ColumnIndex.NULL_PAGES, ColumnIndex.MIN_VALUES, LIST),
            (ColumnIndex.MIN_VALUES, ColumnIndex.MAX_VALUES, LIST),
            (ColumnIndex.MAX_VALUES, ColumnIndex.BOUNDARY_ORDER, I32),
            (ColumnIndex.BOUNDARY_ORDER, ColumnIndex.NULL_COUNTS, LIST),
        )
    ]
    found: list[bytes] = []
    for run, order in zip(made.runs(), orders, strict=True):
        count = run.stop - run.start
        values = list_header(count, BINARY)
        parts = (
            list_header(count, TRUE) + bytes([FALSE]) * count,
            values + b"".join(low[run]),
            values + b"".join(high[run]),
            zigzag(order),
            list_header(count, I64) + nulls.of(run.start, run.stop),
        )
        pairs = zip(heads, parts, strict=True)
        found.append(b"".join([*(one for pair in pairs for one in pair), _END]))
    return found


def _running(lengths: Numbers, begins: Numbers) -> Numbers:
    """Return how much stands before each page in its row group."""
    before: Numbers = np.cumsum(lengths) - lengths
    counts = np.diff(np.append(begins, len(lengths)))
    return before - np.repeat(before[begins], counts)


def _are_ascending(made: MadePages) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    low, high = made.facts.low, made.facts.high
    steps = np.ones(len(low), bool)
    steps[1:] = (low[1:] >= low[:-1]) & (high[1:] >= high[:-1])
    steps[made.begins] = True
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.logical_and.reduceat(steps, made.begins)
    return found
