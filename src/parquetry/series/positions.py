"""Where each value of a series file stands, written before the footer so that no footer need be parsed.

A plain column chunk is a page header and then nothing but float64, so one offset a chunk tells where
every step of every scenario is. The offsets stand between the last chunk and the footer, where Parquet
lets bytes be that no footer points to: every reader passes them over, a copy keeps them, and a tool that
writes the table anew leaves them behind, so that they never speak of other values than their own.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyarrow.parquet import FileMetaData

# rows, rows of a group, columns, first column, NaN, where the offsets stand themselves, crc, magic
_HEAD = struct.Struct("<QQIIQQI8s")
_MAGIC = b"PQSERIE1"
_OFFSET = np.dtype("<i8")
_END_BYTES = 8  # of a Parquet file: the length of the footer, and PAR1
_VALUE_BYTES = 8
_MAX_PAGE_HEADER_BYTES = 40  # more would be a second page
CAN_READ = hasattr(os, "preadv") and sys.byteorder == "little"


@dataclass(frozen=True, slots=True, eq=False)
class ValuePositions:
    """Where each value of a file stands.

    Args:
        rows: Steps.
        group_rows: Steps of a row group; the last one may have fewer.
        first_column: The first scenario; the others follow one by one.
        nan_values: How many values are NaN.
        offsets: Where the first value of each chunk stands, (row groups, columns).
    """

    rows: int
    group_rows: int
    first_column: int
    nan_values: int
    offsets: NDArray[np.int64]

    def to_bytes(self, place: int) -> bytes:
        """Return what is to be written directly before the footer.

        Args:
            place: Where it is written; elsewhere it is not believed.
        """
        offsets = self.offsets.astype(_OFFSET).tobytes()
        facts = self.rows, self.group_rows, self.offsets.shape[1], self.first_column
        counted = *facts, self.nan_values, place
        return offsets + _HEAD.pack(*counted, _checksum(offsets, counted), _MAGIC)


def positions_of(
    metadata: FileMetaData, group_rows: int, first_column: int, nan_values: int
) -> ValuePositions | None:
    """Return where the values of a file stand that was just written; None if they are not plain.

    Args:
        metadata: Its footer.
        group_rows: The steps of its row groups.
        first_column: Its first scenario.
        nan_values: How many of its values are NaN.
    """
    groups = range(metadata.num_row_groups)
    offsets = np.empty((len(groups), metadata.num_columns), np.int64)
    for number in groups:
        group = metadata.row_group(number)
        for column in range(metadata.num_columns):
            chunk = group.column(column)
            header = chunk.total_compressed_size - group.num_rows * _VALUE_BYTES
            if chunk.compression != "UNCOMPRESSED" or not 0 < header <= _MAX_PAGE_HEADER_BYTES:
                return None
            offsets[number, column] = chunk.data_page_offset + header
    return ValuePositions(metadata.num_rows, group_rows, first_column, nan_values, offsets)


def read_positions(descriptor: int, size: int) -> tuple[ValuePositions, int] | None:
    """Return what stands before a file's footer, and the footer's length; None if nothing of ours does.

    **Cost:** three reads: 8 bytes, 52 bytes, and 8 bytes for each column of each row group.
    """
    if not CAN_READ or size < _END_BYTES + _HEAD.size:
        return None
    end = os.pread(descriptor, _END_BYTES, size - _END_BYTES)
    footer_bytes = int.from_bytes(end[:4], "little")
    place = size - _END_BYTES - footer_bytes - _HEAD.size
    if end[4:] != b"PAR1" or place < 0:
        return None
    *counted, crc, magic = _HEAD.unpack(os.pread(descriptor, _HEAD.size, place))
    rows, group_rows, columns, first_column, nans, start = counted
    if magic != _MAGIC or not group_rows:
        return None
    shape = -(-rows // group_rows), columns
    length = shape[0] * columns * _OFFSET.itemsize
    if start != place - length:
        return None
    offsets = os.pread(descriptor, length, start)
    if crc != _checksum(offsets, counted):
        return None
    known = np.frombuffer(offsets, _OFFSET).reshape(shape)
    return ValuePositions(rows, group_rows, first_column, nans, known), footer_bytes


def _checksum(offsets: bytes, counted: Sequence[int]) -> int:
    return zlib.crc32(_HEAD.pack(*counted, 0, _MAGIC), zlib.crc32(offsets))
