"""What footers of one schema, written with the same arguments, have in common, found out by one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.lockstep import UnusualError
from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, FileMetaData, RowGroup
from parquetry.files.splicing.footer import MAGIC, TAIL_BYTES
from parquetry.files.splicing.structs import I64, LIST, STRUCT, Shape, Struct, zigzag
from parquetry.files.splicing.thrift import decode_struct, encode_struct, field_header, list_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parquetry.files.lockstep import Numbers

Picker: TypeAlias = "Callable[[Sequence[Any]], tuple[bytes, ...]]"

_SHAPE: Shape = {FileMetaData.ROW_GROUPS: {RowGroup.COLUMNS: {ColumnChunk.META_DATA: {}}}}
_NUMBER = rb"[\x80-\xff]{0,8}[\x00-\x7f]"
_SIZES = (ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE, ColumnMetaData.TOTAL_COMPRESSED_SIZE)
_PLACES = (ColumnMetaData.DATA_PAGE_OFFSET, ColumnMetaData.DICTIONARY_PAGE_OFFSET)
_NUMBERS = {4: (1, 2, 3), 6: (1, 2, 3, 5)}
"""Which groups of a chunk's pattern are numbers, by how many groups it has: a dictionary brings two."""
_PIECES = {4: (0, 3), 6: (0, 3, 4, 5)}
_BEGINNING = (FileMetaData.VERSION, FileMetaData.SCHEMA, FileMetaData.NUM_ROWS)
_TAIL = (
    RowGroup.TOTAL_BYTE_SIZE,
    RowGroup.NUM_ROWS,
    RowGroup.FILE_OFFSET,
    RowGroup.TOTAL_COMPRESSED_SIZE,
    RowGroup.ORDINAL,
)
_GROUPS = field_header(FileMetaData.NUM_ROWS, FileMetaData.ROW_GROUPS, LIST)

number_bytes = lru_cache(1 << 14)(zigzag)
"""The bytes of a number. Sizes and places of small files are small numbers, the same again and again."""


@dataclass(frozen=True, eq=False)
class FooterShape:
    """How footers speak of row groups.

    Args:
        head: What they begin with, up to the number of rows.
        behind: What comes behind their row groups.
        pattern: Finds what they say of a row group up to its last place.
        numbers: Picks the numbers from what it finds: of each chunk both sizes, and where it has pages;
            a dictionary, which stands first, is told last.
        pieces: Picks all of the bytes: by turns what stands before a place, and the place.
        firsts: By chunk, which of the numbers is its first.
        lasts: By chunk, which is its last.
        tail: What is said of a row group besides: what stands before each number, and which it is.
    """

    head: bytes
    behind: bytes
    pattern: re.Pattern[bytes]
    numbers: Picker
    pieces: Picker
    firsts: Numbers
    lasts: Numbers
    tail: tuple[tuple[bytes, int], ...]

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
        patterns = [_pattern(chunk, rb".*?") for chunk in chunks]
        patterns[0] = _pattern(chunks[0], re.escape(columns))
        groups_of = [_groups_of(chunk) for chunk in chunks]
        ends = np.cumsum([len(_NUMBERS[count]) for count in groups_of])
        footer.put(FileMetaData.ROW_GROUPS, LIST, b"")
        return cls(
            _fields(footer, _BEGINNING[:2]) + field_header(*_BEGINNING[1:], I64),
            _fields(footer, tuple(footer)[3:])[1:] + b"\0",
            re.compile(b"".join(patterns), re.DOTALL),
            _picker(_NUMBERS, groups_of),
            _picker(_PIECES, groups_of),
            np.append(0, ends[:-1]),
            ends - 1,
            _tail(groups[0]),
        )

    @cached_property
    def places(self) -> list[int]:
        """Which of the numbers that are told of a row group are places in the file."""
        sizes = {*self.firsts.tolist(), *(self.firsts + 1).tolist()}
        return [number for number in range(self.lasts[-1] + 1) if number not in sizes]

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
        numbers = (loose, rows, begin, packed, ordinal)
        return b"".join([before + number_bytes(numbers[n]) for before, n in self.tail]) + b"\0"


def footer_of(whole: bytes | memoryview) -> tuple[int, bytes]:
    """Return where the footer of a file begins that was just written, and its bytes."""
    length = int.from_bytes(whole[-TAIL_BYTES : -len(MAGIC)], "little")
    start = len(whole) - TAIL_BYTES - length
    return start, bytes(whole[start:-TAIL_BYTES])


def _groups_of(chunk: Struct) -> int:
    """Return how many groups the pattern of a chunk has."""
    metadata = chunk.struct(ColumnChunk.META_DATA)
    return 6 if metadata is not None and _PLACES[1] in metadata else 4


def _picker(wanted: Mapping[int, Sequence[int]], groups_of: Sequence[int]) -> Picker:
    """Return what picks some groups of each chunk from those of a whole pattern."""
    chunks = zip(accumulate(groups_of), groups_of, strict=True)
    return itemgetter(*(end - count + n for end, count in chunks for n in wanted[count]))


def _pattern(chunk: Struct, gap: bytes) -> bytes:
    """Return a pattern of what stands of a chunk up to its last place, and of what may stand before."""
    metadata = chunk.struct(ColumnChunk.META_DATA)
    if metadata is None or tuple(chunk) != (ColumnChunk.FILE_OFFSET, ColumnChunk.META_DATA):
        raise UnusualError
    known = [field for field in metadata if field < ColumnMetaData.STATISTICS]
    before = [*range(1, ColumnMetaData.NUM_VALUES + 1), *_SIZES]
    if known not in ([*before, *_PLACES[:1]], [*before, *_PLACES]):
        raise UnusualError
    head = field_header(ColumnChunk.FILE_OFFSET, ColumnChunk.META_DATA, STRUCT)
    pattern = b"(?>(" + gap + re.escape(_fields(chunk, (ColumnChunk.FILE_OFFSET,)) + head)
    last = 0
    for field in known:
        kind, value = metadata[field]
        told = re.escape(field_header(last, field, kind))
        last = field
        if field == _PLACES[0]:
            pattern += told + b")(%b)" % _NUMBER
        elif field == _PLACES[1]:
            pattern += b"(%b)(%b)" % (told, _NUMBER)
        elif field > ColumnMetaData.NUM_VALUES:
            pattern += told + b"(%b)" % _NUMBER
        elif field == ColumnMetaData.NUM_VALUES or not isinstance(value, bytes):
            pattern += told + _NUMBER
        else:
            pattern += told + re.escape(value)
    return pattern + b")"  # and no way back: what stands between two chunks may be long


def _tail(group: Struct) -> tuple[tuple[bytes, int], ...]:
    """Return what stands before each number of a row group behind its chunks, and which it is."""
    fields = tuple(group)
    if fields[:1] != (RowGroup.COLUMNS,) or not set(_TAIL).issuperset(fields[1:]):
        raise UnusualError
    return tuple(
        (field_header(last, field, group[field][0]), _TAIL.index(field))
        for last, field in pairwise(fields)
    )


def _fields(struct: Struct, fields: Sequence[int]) -> bytes:
    """Return the bytes of some fields of a struct as if they were its first."""
    return encode_struct(Struct({field: struct[field] for field in fields}))[:-1]
