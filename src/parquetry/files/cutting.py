"""Small files cut out of one: a writer encodes a row group for each, and each gets a footer of its own.

To begin and to end a file takes PyArrow as long as to encode some hundred rows. What a footer says of a
row group is what it would say if that stood alone, but for where its pages are; and it says it in the
same order of every row group. So a pattern finds these places, and new ones are put there. What it finds
is held against what must be so: that the chunks follow one another without a gap, and that each row
group ends by telling its bytes, its rows, its place and its number.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.footer_shape import footer_of, number_bytes
from parquetry.files.lockstep import UnusualError, unzigzagged
from parquetry.files.splicing.footer import MAGIC, sealed
from parquetry.files.splicing.structs import LAST

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

    from parquetry.files.footer_shape import FooterShape
    from parquetry.files.lockstep import Numbers


class _Chunks(NamedTuple):
    """What is said of the column chunks, a row for each row group.

    Args:
        loose: How many bytes they have.
        packed: How many bytes they take.
        begins: Where they begin.
        places: Where they have pages.
    """

    loose: Numbers
    packed: Numbers
    begins: Numbers
    places: Numbers


def cut_apart(shape: FooterShape, whole: memoryview, rows: Sequence[int]) -> list[bytes] | None:
    """Return each row group of a file as a file, None if it is not quite what was expected.

    **Guarantees:** the bytes are those that a writer with the same arguments makes of it alone.

    Args:
        shape: That of the footer. There are neither page indexes nor Bloom filters.
        whole: The file.
        rows: How many rows each of its row groups has.
    """
    limit, raw = footer_of(whole)
    try:
        found = _find(shape, raw, rows)
        chunks = _read_chunks(shape, found, limit)
        footers = list(_footers(shape, raw, rows, found, chunks))
    except UnusualError:
        return None
    begins = chunks.begins[:, 0].tolist()
    return [
        b"".join((MAGIC, whole[begin:end], sealed(footer)))
        for begin, end, footer in zip(begins, [*begins[1:], limit], footers, strict=True)
    ]


def _find(shape: FooterShape, raw: bytes, rows: Sequence[int]) -> list[re.Match[bytes]]:
    """Return where a footer speaks of row groups with so many rows."""
    before = shape.before(sum(rows), len(rows))
    found = list(shape.pattern.finditer(raw, len(before)))
    if (
        len(found) != len(rows)
        or found[0].start() != len(before)
        or not raw.startswith(before)
        or not raw.endswith(shape.behind)
    ):
        raise UnusualError
    return found


def _read_chunks(shape: FooterShape, found: Sequence[re.Match[bytes]], limit: int) -> _Chunks:
    """Return what is said of chunks that stand one behind the other, up to a limit."""
    numbers = _integers(chain.from_iterable(shape.numbers(one.groups()) for one in found))
    numbers = numbers.reshape(len(found), -1)
    loose, packed, data = (numbers[:, shape.firsts + step] for step in range(3))
    begins = numbers[:, shape.lasts]
    ends = begins + packed
    is_whole = begins[0, 0] == len(MAGIC) and ends[-1, -1] == limit
    is_whole &= (ends.ravel()[:-1] == begins.ravel()[1:]).all()
    if not is_whole or (data < begins).any() or (data >= ends).any():
        raise UnusualError
    return _Chunks(loose, packed, begins, numbers[:, shape.places])


def _footers(
    shape: FooterShape,
    raw: bytes,
    rows: Sequence[int],
    found: Sequence[re.Match[bytes]],
    chunks: _Chunks,
) -> Iterator[bytes]:
    """Yield the footers of files in which each of the row groups stands alone."""
    begins = chunks.begins[:, 0]
    sums = zip(
        chunks.loose.sum(axis=1).tolist(),
        rows,
        begins.tolist(),
        chunks.packed.sum(axis=1).tolist(),
        range(len(rows)),
        strict=True,
    )
    places = (chunks.places - begins[:, None] + len(MAGIC)).tolist()
    ends = [*(one.start() for one in found[1:]), len(raw) - len(shape.behind)]
    for match, end, told, moved in zip(found, ends, sums, places, strict=True):
        old = shape.after(*told)
        if not raw.endswith(old, 0, end):
            raise UnusualError
        loose, count, _, packed, _ = told
        pieces = [*shape.pieces(match.groups())]
        pieces[1::2] = map(number_bytes, moved)
        last = raw[match.end() : end - len(old)]
        new = shape.after(loose, count, len(MAGIC), packed, 0)
        yield b"".join((shape.before(count, 1), *pieces, last, new, shape.behind))


def _integers(encoded: Iterable[bytes]) -> Numbers:
    """Return the integers that `zigzag` made bytes of."""
    data = np.frombuffer(b"".join(encoded), np.uint8).astype(np.int64)
    ends = np.flatnonzero(data <= LAST)
    lengths = np.diff(ends, prepend=-1)
    starts = ends - lengths + 1
    shifts = 7 * (np.arange(len(data)) - np.repeat(starts, lengths))
    found: Numbers = unzigzagged(np.add.reduceat((data & LAST) << shifts, starts))
    return found
