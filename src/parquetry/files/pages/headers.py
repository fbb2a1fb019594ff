"""The pages of a column chunk in each of many files, where each chunk is a single page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.structs import Structs, read_structs
from parquetry.files.lockstep import Numbers, UnusualError, Walk
from parquetry.files.pages.page_bytes import DATA_PAGE
from parquetry.files.splicing.fields import (
    ColumnMetaData,
    DataPageHeader,
    Encoding,
    PageHeader,
)

if TYPE_CHECKING:
    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.splicing.structs import Shape

_SHAPE: Shape = {PageHeader.DATA_PAGE_HEADER: {}}


class Places(NamedTuple):
    """Where the content of a page stands in each of several files, and how it is stored.

    Args:
        body: Where its levels and values begin, in the bytes of all files.
        size: How many bytes these take.
        loose_size: How many they take once they are decompressed.
        checksums: The CRC-32 of what is stored, None if none is told.
    """

    body: Numbers
    size: Numbers
    loose_size: Numbers
    checksums: Numbers | None


class Pages(NamedTuple):
    """The only data page of a column chunk in each of several files, of the first version.

    Args:
        start: Where its header begins, in the bytes of all files.
        places: Where its content stands.
        values: How many values it has, with its NULLs.
        encoding: How the values are written, in all files the same.
    """

    start: Numbers
    places: Places
    values: Numbers
    encoding: int

    @property
    def end(self) -> Numbers:
        """Where its last byte is behind us."""
        return self.places.body + self.places.size


def read_pages(whole: bytes, begins: Numbers, chunks: Chunks) -> Pages:
    """Return the pages of a chunk.

    Args:
        whole: The bytes of all files, and some to spare.
        begins: Where each file begins there.
        chunks: The chunk.

    Raises:
        UnusualError: It is not one such page in each file, or another encoding is used in one of them.
    """
    start = begins + chunks.start
    end = start + chunks.size
    walk, header, places = _read(whole, start, end)
    page = header.struct(PageHeader.DATA_PAGE_HEADER)
    if page is None:
        raise UnusualError
    values = _needed(page, DataPageHeader.NUM_VALUES)
    encodings = _needed(page, DataPageHeader.ENCODING)
    levels = _needed(page, DataPageHeader.DEFINITION_LEVEL_ENCODING)
    told = chunks.metadata.integer(ColumnMetaData.NUM_VALUES)
    fits = walk.same & (walk.at + places.size == end) & (values == told)
    fits &= (_needed(header, PageHeader.TYPE) == DATA_PAGE) & (levels == Encoding.RLE)
    fits &= encodings == encodings[0]
    if not np.all(fits):
        raise UnusualError
    return Pages(start, places, values, int(encodings[0]))


def _read(whole: bytes, start: Numbers, end: Numbers) -> tuple[Walk, Structs, Places]:
    """Return the headers that stand somewhere, and where what is behind them stands."""
    walk = Walk.within(whole, start, end)
    try:
        header = read_structs(walk, _SHAPE)
    except (IndexError, RecursionError) as error:
        raise UnusualError from error
    size = _needed(header, PageHeader.COMPRESSED_PAGE_SIZE)
    loose_size = _needed(header, PageHeader.UNCOMPRESSED_PAGE_SIZE)
    if (size < 0).any() or (loose_size < 0).any():
        raise UnusualError
    return walk, header, Places(walk.at, size, loose_size, header.integer(PageHeader.CRC))


def _needed(struct: Structs, field: int) -> Numbers:
    found = struct.integer(field)
    if found is None:
        raise UnusualError
    return found
