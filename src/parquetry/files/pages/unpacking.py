"""Pages of plain numbers in many files, decoded by one call.

To decompress a page takes as long as to ask for it, with the interpreter's lock changing hands each
time; two threads that do so by turns wait for each other. So the pages of all files become the pages of
one column chunk, in a file of numbers in memory.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.stacking import decode_stacked
from parquetry.files.lockstep import UnusualError
from parquetry.files.page_checksums import spoiled
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    Encoding,
    FileMetaData,
    RowGroup,
    SchemaElement,
)
from parquetry.files.splicing.footer import MAGIC, seal
from parquetry.files.splicing.structs import BINARY, I32, LIST, STRUCT, Struct, sized, zigzag
from parquetry.files.splicing.thrift import encode_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.pages.headers import Pages, Places
    from parquetry.files.pages.made import Values

_NAME = "values"
_PHYSICAL = {"i4": 1, "u4": 1, "i8": 2, "u8": 2, "f4": 4, "f8": 5}


class PlainPages(NamedTuple):
    """A page of plain numbers in each of several files.

    Args:
        pages: The pages.
        kind: The type of the numbers.
        codec: How the pages are compressed, by the number that the format gives it.
        is_optional: Whether levels say which of the numbers are NULL.
    """

    pages: Pages
    kind: np.dtype
    codec: int
    is_optional: bool


def unpack(names: Sequence[str], whole: bytes, column: PlainPages) -> Values:
    """Return the numbers of a column in all files, one file behind the other.

    **Cost:** the pages are copied once; then one call, without the interpreter's lock.

    Args:
        names: What messages call the files.
        whole: The bytes of all of them.
        column: The pages.

    Raises:
        CorruptionError: A page is not the one that was written.
        UnusualError: Such pages are not decoded here, or a number is NULL.
    """
    pages = column.pages
    view = memoryview(whole)
    spans = zip(pages.start.tolist(), pages.end.tolist(), strict=True)
    rows = int(pages.values.sum())
    table = decode_stacked(_file([view[start:end] for start, end in spans], column, rows), [_NAME])
    if table is None or table.num_rows != rows:
        hold_checksums(names, whole, pages.places)
        raise UnusualError
    found = table.column(0).combine_chunks()
    if found.null_count:
        raise UnusualError
    values: Values = np.frombuffer(
        found.buffers()[1], column.kind, rows, found.offset * column.kind.itemsize
    )
    return values


def hold_checksums(names: Sequence[str], whole: bytes, places: Places) -> None:
    """Hold pages against their checksums, where they have some.

    Raises:
        CorruptionError: A page is not the one that was written.
    """
    if places.checksums is None:
        return
    parts = (places.body, places.size, places.checksums % (1 << 32))  # which stand there signed
    columns = zip(names, *(part.tolist() for part in parts), strict=True)
    for name, start, size, checksum in columns:
        if zlib.crc32(memoryview(whole)[start : start + size]) != checksum:
            raise spoiled(name)


def _file(pieces: Sequence[memoryview], column: PlainPages, rows: int) -> bytes:
    """Return a file of one column with a row group of these pages."""
    physical = _PHYSICAL[column.kind.str[1:]]
    root, leaf = Struct(), Struct()
    root.put_text(SchemaElement.NAME, "")
    root.put_integer(SchemaElement.NUM_CHILDREN, 1, I32)
    leaf.put_integer(SchemaElement.TYPE, physical, I32)
    leaf.put_integer(SchemaElement.REPETITION_TYPE, int(column.is_optional), I32)
    leaf.put_text(SchemaElement.NAME, _NAME)
    group = Struct()
    chunk = _chunk(column, physical, rows, sum(map(len, pieces)))
    group.put(RowGroup.COLUMNS, LIST, [chunk])
    group.put_integer(RowGroup.TOTAL_BYTE_SIZE, 0)
    group.put_integer(RowGroup.NUM_ROWS, rows)
    footer = Struct()
    footer.put_integer(FileMetaData.VERSION, 1, I32)
    footer.put(FileMetaData.SCHEMA, LIST, [root, leaf])
    footer.put_integer(FileMetaData.NUM_ROWS, rows)
    footer.put(FileMetaData.ROW_GROUPS, LIST, [group])
    return b"".join((MAGIC, *pieces, seal(footer)))


def _chunk(column: PlainPages, physical: int, rows: int, size: int) -> Struct:
    said = Struct()
    said.put_integer(ColumnMetaData.TYPE, physical, I32)
    encodings = [zigzag(Encoding.PLAIN), zigzag(Encoding.RLE)]
    said.put(ColumnMetaData.ENCODINGS, LIST, encode_list(I32, encodings))
    said.put(ColumnMetaData.PATH_IN_SCHEMA, LIST, encode_list(BINARY, [sized(_NAME.encode())]))
    said.put_integer(ColumnMetaData.CODEC, column.codec, I32)
    said.put_integer(ColumnMetaData.NUM_VALUES, rows)
    said.put_integer(ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, size)
    said.put_integer(ColumnMetaData.TOTAL_COMPRESSED_SIZE, size)
    said.put_integer(ColumnMetaData.DATA_PAGE_OFFSET, len(MAGIC))
    chunk = Struct()
    chunk.put_integer(ColumnChunk.FILE_OFFSET, 0)
    chunk.put(ColumnChunk.META_DATA, STRUCT, said)
    return chunk
