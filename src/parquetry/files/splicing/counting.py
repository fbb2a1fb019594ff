"""How many values are NaN, said in the footer of a file that does not say it yet.

PyArrow writes bounds of floats as if a NaN were no value, and no count of them. Its footer is
mended here, before it reaches the disk: chunks without NaN say so, which lets DuckDB and `Splicer`
believe their bounds; chunks with NaN lose theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, Statistics
from parquetry.files.splicing.footer import TAIL_BYTES, parse_footer, seal, sealed
from parquetry.files.splicing.statistics import record_nan_count
from parquetry.files.splicing.structs import I64, STRUCT, zigzag
from parquetry.files.splicing.thrift import decode_struct, encode_struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData

_NEXT = bytes([1 << 4 | I64])
_DATA_PAGE = bytes([2 << 4 | I64])
_STATISTICS = bytes([ColumnMetaData.STATISTICS - ColumnMetaData.DATA_PAGE_OFFSET << 4 | STRUCT])


@dataclass(frozen=True)
class NanCounts:
    """What was counted while a file was written.

    Args:
        counts: For each row group the number of NaN by the number of the leaf. Leaves that are left
            out hold no floats.
        written: What PyArrow says of the file that it has written.
    """

    counts: Sequence[Mapping[int, int]]
    written: FileMetaData

    def told_in(self, tail: bytes | memoryview, at: int) -> bytes:
        """Return the end of the file, or all of it, with a footer that says what was counted.

        Args:
            tail: The end of the file; it holds the whole footer.
            at: Where in the file it begins.
        """
        if not any(self.counts):
            return bytes(tail)
        length = int.from_bytes(tail[-TAIL_BYTES:][:4], "little")
        start = len(tail) - TAIL_BYTES - length
        footer = bytes(tail[start:-TAIL_BYTES])
        ending = self._with_zeros(footer) or self._with_counts(footer, at + start)
        return b"".join((tail[:start], ending))

    def _with_zeros(self, footer: bytes) -> bytes | None:
        """Return the footer's new end if no value is NaN; None if it takes more than that.

        To find a few places by the numbers that stand before them takes a tenth of the time that it
        takes to read the footer.
        """
        for number, found in enumerate(self.counts):
            group = self.written.row_group(number)
            for leaf, count in found.items():
                place = None if count else _find_statistics(footer, group.column(leaf))
                if place is None:
                    return None
                statistics = decode_struct(footer[place:])
                old = encode_struct(statistics)
                statistics.put_integer(Statistics.NAN_COUNT, 0)
                if not footer.startswith(old, place):
                    return None
                footer = footer[:place] + encode_struct(statistics) + footer[place + len(old) :]
        return sealed(footer)

    def _with_counts(self, raw: bytes, start: int) -> bytes:
        footer = parse_footer(raw, start, "the new file")
        for group, found in zip(footer.row_groups, self.counts, strict=True):
            for leaf, count in found.items():
                chunk = group.chunks[leaf]
                if not record_nan_count(chunk.metadata, count):
                    chunk.struct.drop(
                        ColumnChunk.COLUMN_INDEX_OFFSET, ColumnChunk.COLUMN_INDEX_LENGTH
                    )
        return seal(footer.struct)


def _find_statistics(footer: bytes, chunk: ColumnChunkMetaData) -> int | None:
    """Return where the statistics of a chunk begin, None if that is not certain.

    The numbers before them are there if they are; where they stand once, it is that chunk.
    """
    if not chunk.is_stats_set or chunk.has_dictionary_page:
        return None
    pattern = b"".join(
        (
            _NEXT,
            zigzag(chunk.total_uncompressed_size),
            _NEXT,
            zigzag(chunk.total_compressed_size),
            _DATA_PAGE,
            zigzag(chunk.data_page_offset),
            _STATISTICS,
        )
    )
    found = footer.find(pattern)
    if found < 0 or footer.find(pattern, found + 1) >= 0:
        return None
    return found + len(pattern)
