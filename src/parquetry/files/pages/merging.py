"""Values of plain pages put behind each other in larger pages, which compress better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.codecs import codec_of
from parquetry.files.pages.made import Facts, MadePages
from parquetry.files.pages.page_bytes import data_header, levels_of
from parquetry.files.splicing.fields import Encoding

if TYPE_CHECKING:
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.made import Values
    from parquetry.files.pages.unpacking import PlainPages

MOST_VALUES = 20_000
"""Of a page, as PyArrow writes them."""


def merge(column: PlainPages, values: Values, begins: Numbers, codec: int) -> MadePages:
    """Return the pages of new row groups.

    Args:
        column: The old pages.
        values: Their numbers, none of which is NULL.
        begins: Which file each row group begins with.
        codec: How the new pages will be compressed, by the number that the format gives it.

    Raises:
        UnusualError: A number is NaN.
    """
    counts = column.pages.values
    firsts, groups = _cut(counts, begins)
    rows = np.add.reduceat(counts, firsts)
    starts = np.cumsum(rows) - rows
    low, high = (bound.reduceat(values, starts) for bound in (np.minimum, np.maximum))
    if np.isnan(low).any():
        raise UnusualError
    if column.kind.kind == "f":  # of two zeros the bounds are the outer ones
        low, high = np.where(low == 0, -np.abs(low), low), np.where(high == 0, np.abs(high), high)
    new = codec_of(codec)
    pages: list[bytes] = []
    loose_sizes: list[int] = []
    for start, count in zip(starts.tolist(), rows.tolist(), strict=True):
        levels = levels_of(count) if column.is_optional else b""
        content = levels + values[start : start + count].tobytes()
        stored = new.compress(content)
        header = data_header(count, len(content), stored, Encoding.PLAIN)
        pages.append(header + stored)
        loose_sizes.append(len(header) + len(content))
    facts = Facts(low, high, np.zeros(len(pages), np.int64))
    return MadePages(pages, np.array(loose_sizes), rows, np.array(groups), facts, codec)


def _cut(values: Numbers, begins: Numbers) -> tuple[list[int], list[int]]:
    """Return which file each new page begins with, and which page each row group."""
    counts = values.tolist()
    firsts: list[int] = []
    groups: list[int] = []
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(counts)], strict=True):
        groups.append(len(firsts))
        held = MOST_VALUES
        for number in range(begin, end):
            if held + counts[number] > MOST_VALUES:
                firsts.append(number)
                held = 0
            held += counts[number]
    return firsts, groups
