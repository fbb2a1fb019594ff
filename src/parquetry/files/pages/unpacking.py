"""Pages of plain numbers in many files, decoded by one call.

To decompress a page takes as long as to ask for it, with the interpreter's lock changing hands each
time; two threads that do so by turns wait for each other. So the pages of all files become the pages of
one column chunk, in a file of numbers in memory.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.errors import CorruptionError
from parquetry.files.bundles.stacking import decode_stacked
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    Encoding,
    FileMetaData,
    RowGroup,
    SchemaElement,
)
from parquetry.files.splicing.footer import MAGIC, TAIL_BYTES
from parquetry.files.splicing.structs import BINARY, I32, LIST, STRUCT, Struct, sized, zigzag
from parquetry.files.splicing.thrift import encode_list, encode_struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.pages.headers import Pages, Places
    from parquetry.files.pages.made import Values

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


def unpack(
    names: Sequence[str], whole: bytes, columns: Sequence[PlainPages]
) -> list[Values | None]:
    """Return the numbers of some columns in all files, one file behind the other.

    **Cost:** the pages are copied once; then one call, without the interpreter's lock.

    Args:
        names: What messages call the files.
        whole: The bytes of all of them.
        columns: The pages of each column.

    Returns:
        None for a column that has NULLs.

    Raises:
        CorruptionError: A page is not the one that was written.
        UnusualError: Such pages are not decoded here.
    """
    bytes_of = memoryview(whole)
    pieces = [
        bytes_of[start:end]
        for one in columns
        for start, end in zip(one.pages.start.tolist(), one.pages.end.tolist(), strict=True)
    ]
    table = decode_stacked(_file(pieces, columns), [str(n) for n in range(len(columns))])
    rows = int(columns[0].pages.values.sum())
    if table is None or table.num_rows != rows:
        for one in columns:
            hold_checksums(names, whole, one.pages.places)
        raise UnusualError
    found: list[Values | None] = []
    for one, column in zip(columns, table.columns, strict=True):
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        at = array.offset * one.kind.itemsize
        values = np.frombuffer(array.buffers()[1], one.kind, rows, at)
        found.append(None if array.null_count else values)
    return found


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
            raise CorruptionError(
                f"{name} cannot be decoded: a page has another checksum than was written with it. "
                "Nothing was changed. Restore the file from a backup, or move it out of the dataset.",
                path=name,
            )


def _file(pieces: Sequence[memoryview], columns: Sequence[PlainPages]) -> bytes:
    """Return a file with a row group of these pages."""
    rows = int(columns[0].pages.values.sum())
    root = Struct()
    root.put_text(SchemaElement.NAME, "")
    root.put_integer(SchemaElement.NUM_CHILDREN, len(columns), I32)
    leaves, chunks = [], []
    start = len(MAGIC)
    for number, one in enumerate(columns):
        leaves.append(_leaf(str(number), one))
        size = int((one.pages.end - one.pages.start).sum())
        chunks.append(_chunk(str(number), one, start, size))
        start += size
    group = Struct()
    group.put(RowGroup.COLUMNS, LIST, chunks)
    group.put_integer(RowGroup.TOTAL_BYTE_SIZE, 0)
    group.put_integer(RowGroup.NUM_ROWS, rows)
    footer = Struct()
    footer.put_integer(FileMetaData.VERSION, 1, I32)
    footer.put(FileMetaData.SCHEMA, LIST, [root, *leaves])
    footer.put_integer(FileMetaData.NUM_ROWS, rows)
    footer.put(FileMetaData.ROW_GROUPS, LIST, [group])
    raw = encode_struct(footer)
    length = len(raw).to_bytes(TAIL_BYTES - len(MAGIC), "little")
    return b"".join((MAGIC, *pieces, raw, length, MAGIC))


def _leaf(name: str, column: PlainPages) -> Struct:
    leaf = Struct()
    leaf.put_integer(SchemaElement.TYPE, _PHYSICAL[column.kind.str[1:]], I32)
    leaf.put_integer(SchemaElement.REPETITION_TYPE, int(column.is_optional), I32)
    leaf.put_text(SchemaElement.NAME, name)
    return leaf


def _chunk(name: str, column: PlainPages, start: int, size: int) -> Struct:
    said = Struct()
    said.put_integer(ColumnMetaData.TYPE, _PHYSICAL[column.kind.str[1:]], I32)
    encodings = [zigzag(Encoding.PLAIN), zigzag(Encoding.RLE)]
    said.put(ColumnMetaData.ENCODINGS, LIST, encode_list(I32, encodings))
    said.put(ColumnMetaData.PATH_IN_SCHEMA, LIST, encode_list(BINARY, [sized(name.encode())]))
    said.put_integer(ColumnMetaData.CODEC, column.codec, I32)
    said.put_integer(ColumnMetaData.NUM_VALUES, int(column.pages.values.sum()))
    said.put_integer(ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, size)
    said.put_integer(ColumnMetaData.TOTAL_COMPRESSED_SIZE, size)
    said.put_integer(ColumnMetaData.DATA_PAGE_OFFSET, start)
    chunk = Struct()
    chunk.put_integer(ColumnChunk.FILE_OFFSET, 0)
    chunk.put(ColumnChunk.META_DATA, STRUCT, said)
    return chunk
