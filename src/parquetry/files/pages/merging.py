"""Values of plain pages put behind each other in larger pages, which compress better."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.codecs import codec_of
from parquetry.files.pages.made import Facts, MadePages
from parquetry.files.pages.stored import levels_of, without_levels
from parquetry.files.splicing.fields import DataPageHeader, Encoding, PageHeader
from parquetry.files.splicing.structs import I32, STRUCT, Struct, zigzag
from parquetry.files.splicing.thrift import encode_struct

if TYPE_CHECKING:
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.headers import Pages
    from parquetry.files.pages.stored import Stored

MOST_VALUES = 20_000
"""Of a page, as PyArrow writes them."""


class Merger:
    """Makes large pages of small ones whose values are plain numbers, none of them NULL or NaN.

    Args:
        stored: The old pages.
        pages: What is told of these.
        kind: The type of the values.
        codec: How the new pages will be compressed, by the number that the format gives it.
        is_optional: Whether levels say which of the values are NULL.

    Raises:
        UnusualError: Such pages are not merged.
    """

    def __init__(
        self, stored: Stored, pages: Pages, kind: np.dtype[Any], codec: int, *, is_optional: bool
    ) -> None:
        if pages.encoding != Encoding.PLAIN:
            raise UnusualError
        self._stored, self._values = stored, pages.values
        self._counts = pages.values.tolist()
        self._kind, self._is_optional = kind, is_optional
        self._codec, self._new = codec, codec_of(codec)

    def merge(self, begins: Numbers) -> MadePages:
        """Return the new pages.

        Args:
            begins: Which file each row group begins with.

        Raises:
            UnusualError: A page holds a NULL or a NaN, or is damaged.
            CorruptionError: A page is not the one that was written.
        """
        firsts, groups = _cut(self._values, begins)
        ends = [*firsts[1:], len(self._values)]
        found = [self._page(first, end) for first, end in zip(firsts, ends, strict=True)]
        low, high = (np.array([one[part] for one in found], self._kind) for part in (2, 3))
        return MadePages(
            [one[0] for one in found],
            np.array([one[1] for one in found]),
            np.add.reduceat(self._values, firsts),
            np.array(groups),
            Facts(low, high, np.zeros(len(found), np.int64)),
            self._codec,
        )

    def _page(self, first: int, end: int) -> tuple[bytes, int, Any, Any]:
        """Return a page of the values of some files, its loose size, and its bounds."""
        content = b"".join([self._plain(number) for number in range(first, end)])
        values = np.frombuffer(content, self._kind)
        low, high = values.min(), values.max()
        if np.isnan(low):
            raise UnusualError
        if self._kind.kind == "f":  # of two zeros the bounds are the outer ones
            low, high = low or -abs(low), high or abs(high)
        if self._is_optional:
            content = levels_of(len(values)) + content
        stored = self._new.compress(content)
        header = _header(len(values), len(content), stored)
        return header + stored, len(header) + len(content), low, high

    def _plain(self, number: int) -> memoryview:
        """Return the values of a file."""
        content = self._stored.content(number)
        count = self._counts[number]
        values = without_levels(content, count, is_optional=self._is_optional)
        if len(values) != count * self._kind.itemsize:
            raise UnusualError
        return values


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


def _header(values: int, loose_size: int, stored: bytes) -> bytes:
    checksum = zlib.crc32(stored)
    page = Struct()
    page.put(DataPageHeader.NUM_VALUES, I32, zigzag(values))
    page.put(DataPageHeader.ENCODING, I32, zigzag(Encoding.PLAIN))
    page.put(DataPageHeader.DEFINITION_LEVEL_ENCODING, I32, zigzag(Encoding.RLE))
    page.put(DataPageHeader.REPETITION_LEVEL_ENCODING, I32, zigzag(Encoding.RLE))
    header = Struct()
    header.put(PageHeader.TYPE, I32, zigzag(0))
    header.put(PageHeader.UNCOMPRESSED_PAGE_SIZE, I32, zigzag(loose_size))
    header.put(PageHeader.COMPRESSED_PAGE_SIZE, I32, zigzag(len(stored)))
    header.put(PageHeader.CRC, I32, zigzag(checksum - (checksum >> 31 << 32)))
    header.put(PageHeader.DATA_PAGE_HEADER, STRUCT, page)
    return encode_struct(header)
