"""What footers of one schema, written with the same arguments, have in common, found out by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, FileMetaData, RowGroup
from parquetry.files.splicing.footer import MAGIC, TAIL_BYTES
from parquetry.files.splicing.structs import I64, LIST, STRUCT, Shape, Struct, zigzag
from parquetry.files.splicing.thrift import decode_struct, encode_struct, field_header, list_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.lockstep import Numbers

_SHAPE: Shape = {FileMetaData.ROW_GROUPS: {RowGroup.COLUMNS: {ColumnChunk.META_DATA: {}}}}
_NUMBER = rb"[\x80-\xff]{0,8}[\x00-\x7f]"
_SIZES = (ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, ColumnMetaData.TOTAL_COMPRESSED_SIZE)
_PLACES = (ColumnMetaData.DATA_PAGE_OFFSET, ColumnMetaData.DICTIONARY_PAGE_OFFSET)
_BEGINNING = (FileMetaData.VERSION, FileMetaData.SCHEMA, FileMetaData.NUM_ROWS)
_GROUPS = field_header(FileMetaData.NUM_ROWS, FileMetaData.ROW_GROUPS, LIST)

number_bytes = lru_cache(1 << 14)(zigzag)
"""The bytes of a number. Sizes and places of small files are small numbers, the same again and again."""


@dataclass(frozen=True, eq=False)
class FooterShape:
    """How footers speak of row groups.

    Args:
        head: What they begin with, up to the number of rows.
        behind: What comes behind their row groups.
        pattern: Finds what they say of a row group up to its last place. Of each chunk it tells both
            sizes, and where it has pages; a dictionary, which stands first, is told last.
        firsts: By chunk, which of these numbers is its first.
        lasts: By chunk, which is its last.
        tail: What is said of a row group besides, each field with what stands before its value.
    """

    head: bytes
    behind: bytes
    pattern: re.Pattern[bytes]
    firsts: Numbers
    lasts: Numbers
    tail: Mapping[int, bytes]

    @classmethod
    def of(cls, example: bytes | memoryview) -> Self | None:
        """Return the shape of the footer of a file of one row group, None if that is unusual."""
        _, raw = footer_of(example)
        try:
            return cls._of(decode_struct(raw, _SHAPE))
        except (UnusualError, ParquetryError):
            return None

    @classmethod
    def _of(cls, footer: Struct) -> Self:
        groups = footer.structs(FileMetaData.ROW_GROUPS)
        if len(groups) != 1 or tuple(footer)[:4] != (*_BEGINNING, FileMetaData.ROW_GROUPS):
            raise UnusualError
        chunks = groups[0].structs(RowGroup.COLUMNS)
        columns = field_header(0, RowGroup.COLUMNS, LIST) + list_header(len(chunks))
        patterns = [_pattern(chunk) for chunk in chunks]
        others = b"".join([b"(?>.*?%b)" % one for one in patterns[1:]])  # no way back: it is long
        ends = np.cumsum([re.compile(one).groups for one in patterns])
        footer.put(FileMetaData.ROW_GROUPS, LIST, b"")
        return cls(
            _fields(footer, _BEGINNING[:2]) + field_header(*_BEGINNING[1:], I64),
            _fields(footer, tuple(footer)[3:])[1:] + b"\0",
            re.compile(re.escape(columns) + patterns[0] + others, re.DOTALL),
            np.append(0, ends[:-1]),
            ends - 1,
            _tail(groups[0]),
        )

    @cached_property
    def places(self) -> list[int]:
        """Which of the numbers that are told of a row group are places in the file."""
        sizes = {*self.firsts.tolist(), *(self.firsts + 1).tolist()}
        return [number for number in range(self.pattern.groups) if number not in sizes]

    def before(self, rows: int, groups: int) -> bytes:
        """Return what stands before what is said of so many row groups."""
        return b"".join((self.head, number_bytes(rows), _GROUPS, list_header(groups)))

    def after(self, loose: int, rows: int, begin: int, packed: int, ordinal: int) -> bytes:
        """Return what stands behind what is said of the chunks of a row group.

        Args:
            loose: How many bytes it has.
            rows: How many rows.
            begin: Where it begins.
            packed: How many bytes it takes.
            ordinal: Its number.
        """
        values = {
            RowGroup.TOTAL_BYTE_SIZE: loose,
            RowGroup.NUM_ROWS: rows,
            RowGroup.FILE_OFFSET: begin,
            RowGroup.TOTAL_COMPRESSED_SIZE: packed,
            RowGroup.ORDINAL: ordinal,
        }
        told = [before + number_bytes(values[field]) for field, before in self.tail.items()]
        return b"".join((*told, b"\0"))


def footer_of(whole: bytes | memoryview) -> tuple[int, bytes]:
    """Return where the footer of a file begins that was just written, and its bytes."""
    length = int.from_bytes(whole[-TAIL_BYTES : -len(MAGIC)], "little")
    start = len(whole) - TAIL_BYTES - length
    return start, bytes(whole[start:-TAIL_BYTES])


def _pattern(chunk: Struct) -> bytes:
    """Return a pattern of what stands of a chunk up to its last place."""
    metadata = chunk.struct(ColumnChunk.META_DATA)
    if metadata is None or tuple(chunk) != (ColumnChunk.FILE_OFFSET, ColumnChunk.META_DATA):
        raise UnusualError
    known = [field for field in metadata if field < ColumnMetaData.STATISTICS]
    before = [*range(1, ColumnMetaData.NUM_VALUES + 1), *_SIZES]
    if known not in ([*before, *_PLACES[:1]], [*before, *_PLACES]):
        raise UnusualError
    head = field_header(ColumnChunk.FILE_OFFSET, ColumnChunk.META_DATA, STRUCT)
    pattern = re.escape(_fields(chunk, (ColumnChunk.FILE_OFFSET,)) + head)
    last = 0
    for field in known:
        kind, value = metadata[field]
        pattern += re.escape(field_header(last, field, kind))
        last = field
        if field > ColumnMetaData.NUM_VALUES:
            pattern += b"(%b)" % _NUMBER
        elif field == ColumnMetaData.NUM_VALUES or not isinstance(value, bytes):
            pattern += _NUMBER
        else:
            pattern += re.escape(value)
    return pattern


def _tail(group: Struct) -> dict[int, bytes]:
    """Return the fields of a row group behind its chunks, and what stands before their values."""
    known = {
        RowGroup.TOTAL_BYTE_SIZE,
        RowGroup.NUM_ROWS,
        RowGroup.FILE_OFFSET,
        RowGroup.TOTAL_COMPRESSED_SIZE,
        RowGroup.ORDINAL,
    }
    fields = tuple(group)
    if fields[:1] != (RowGroup.COLUMNS,) or not known.issuperset(fields[1:]):
        raise UnusualError
    return {field: field_header(last, field, group[field][0]) for last, field in pairwise(fields)}


def _fields(struct: Struct, fields: Sequence[int]) -> bytes:
    """Return the bytes of some fields of a struct as if they were its first."""
    return encode_struct(Struct({field: struct[field] for field in fields}))[:-1]
