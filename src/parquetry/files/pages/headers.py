"""The pages of a column chunk in each of many files, where each chunk is a single page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.structs import Structs, read_structs
from parquetry.files.lockstep import Numbers, UnusualError, Walk
from parquetry.files.splicing.fields import (
    ColumnMetaData,
    DataPageHeader,
    Encoding,
    PageHeader,
)

if TYPE_CHECKING:
    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.splicing.structs import Shape

_DATA_PAGE = 0
_SHAPE: Shape = {PageHeader.DATA_PAGE_HEADER: {}}


@dataclass(frozen=True, eq=False)
class Pages:
    """The only page of a column chunk in each of several files: a data page of the first version.

    Args:
        start: Where its header begins, in the bytes of all files.
        body: Where its levels and values begin, as they are stored.
        size: How many bytes these take.
        loose_size: How many they take once they are decompressed.
        values: How many values it has, with its NULLs.
        encoding: How the values are written, in all files the same.
        checksums: The CRC-32 of what is stored, None if none is told.
    """

    start: Numbers
    body: Numbers
    size: Numbers
    loose_size: Numbers
    values: Numbers
    encoding: int
    checksums: Numbers | None

    @property
    def end(self) -> Numbers:
        """Where its last byte is behind us."""
        return self.body + self.size


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
    walk = Walk.within(whole, start, end)
    try:
        header = read_structs(walk, _SHAPE)
    except (IndexError, RecursionError) as error:
        raise UnusualError from error
    page = header.struct(PageHeader.DATA_PAGE_HEADER)
    if page is None:
        raise UnusualError
    size = _needed(header, PageHeader.COMPRESSED_PAGE_SIZE)
    loose_size = _needed(header, PageHeader.UNCOMPRESSED_PAGE_SIZE)
    values = _needed(page, DataPageHeader.NUM_VALUES)
    encodings = _needed(page, DataPageHeader.ENCODING)
    levels = _needed(page, DataPageHeader.DEFINITION_LEVEL_ENCODING)
    told = chunks.metadata.integer(ColumnMetaData.NUM_VALUES)
    fits = walk.same & (walk.at + size == end) & (loose_size >= 0) & (values == told)
    fits &= (_needed(header, PageHeader.TYPE) == _DATA_PAGE) & (levels == Encoding.RLE)
    fits &= encodings == encodings[0]
    if not np.all(fits):
        raise UnusualError
    checksums = header.integer(PageHeader.CRC)
    return Pages(start, walk.at, size, loose_size, values, int(encodings[0]), checksums)


def _needed(struct: Structs, field: int) -> Numbers:
    found = struct.integer(field)
    if found is None:
        raise UnusualError
    return found
