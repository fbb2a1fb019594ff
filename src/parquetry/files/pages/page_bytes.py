"""The bytes of new pages: headers with their checksums, levels, and small pages as a whole."""

from __future__ import annotations

import zlib

from parquetry.files.splicing.fields import (
    DataPageHeader,
    DictionaryPageHeader,
    Encoding,
    PageHeader,
)
from parquetry.files.splicing.structs import FALSE, I32, STRUCT, Struct, varint
from parquetry.files.splicing.thrift import encode_struct

DATA_PAGE, _DICTIONARY_PAGE = 0, 2
"""Kinds of pages, by the numbers that the format gives them."""

_LENGTH_BYTES = 4  # before the levels


def levels_of(count: int) -> bytes:
    """Return the levels of so many values none of which is NULL, with their length before them."""
    levels = varint(count << 1) + b"\1"
    return len(levels).to_bytes(_LENGTH_BYTES, "little") + levels


def data_header(values: int, loose_size: int, stored: bytes, encoding: int) -> bytes:
    """Return the header of a data page of the first version.

    Args:
        values: How many values it has.
        loose_size: How many bytes they take with their levels, decompressed.
        stored: What is stored of them.
        encoding: How the values are written.
    """
    page = Struct()
    page.put_integer(DataPageHeader.NUM_VALUES, values, I32)
    page.put_integer(DataPageHeader.ENCODING, encoding, I32)
    page.put_integer(DataPageHeader.DEFINITION_LEVEL_ENCODING, Encoding.RLE, I32)
    page.put_integer(DataPageHeader.REPETITION_LEVEL_ENCODING, Encoding.RLE, I32)
    header = _header(DATA_PAGE, loose_size, stored)
    header.put(PageHeader.DATA_PAGE_HEADER, STRUCT, page)
    return encode_struct(header)


def dictionary_page(values: int, stored: bytes) -> bytes:
    """Return a page of plain values that are not compressed."""
    page = Struct()
    page.put_integer(DictionaryPageHeader.NUM_VALUES, values, I32)
    page.put_integer(DictionaryPageHeader.ENCODING, Encoding.PLAIN, I32)
    page.put(DictionaryPageHeader.IS_SORTED, FALSE, b"")
    header = _header(_DICTIONARY_PAGE, len(stored), stored)
    header.put(PageHeader.DICTIONARY_PAGE_HEADER, STRUCT, page)
    return encode_struct(header) + stored


def _header(kind: int, loose_size: int, stored: bytes) -> Struct:
    checksum = zlib.crc32(stored)
    header = Struct()
    header.put_integer(PageHeader.TYPE, kind, I32)
    header.put_integer(PageHeader.UNCOMPRESSED_PAGE_SIZE, loose_size, I32)
    header.put_integer(PageHeader.COMPRESSED_PAGE_SIZE, len(stored), I32)
    header.put_integer(PageHeader.CRC, checksum - (checksum >> 31 << 32), I32)
    return header
