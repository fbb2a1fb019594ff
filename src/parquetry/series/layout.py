"""How the Parquet files of a series are cut, and how they are written.

A block of steps lies in one row group, but every column of every row group takes 43 bytes of footer and
8 of positions: a file stays under 2,000 of them. More scenarios than leave room for ten row groups go to
files of their own, each a range of scenarios.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.model.plain_numbers import array_of
from parquetry.series.held_end import EndHeld
from parquetry.series.positions import positions_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from parquetry.series.indexing import Floats

MAX_CHUNKS = 2000  # row groups times columns in one file
MAX_COLUMNS = 200  # leaves room for ten row groups
Compression = Literal["none", "lz4", "zstd", "snappy"]


@dataclass(frozen=True, slots=True)
class SeriesLayout:
    """How one series is cut.

    Args:
        rows: Steps.
        columns: Scenarios.
        row_group_rows: Steps of a row group, a multiple of the block length.
        file_columns: Scenarios of a file.
    """

    rows: int
    columns: int
    row_group_rows: int
    file_columns: int

    @classmethod
    def of(cls, rows: int, columns: int, block_length: int) -> SeriesLayout:
        """Return the layout for blocks of a length."""
        files = max(1, math.ceil(columns / MAX_COLUMNS))
        file_columns = max(1, math.ceil(columns / files))
        groups = max(1, MAX_CHUNKS // file_columns)
        blocks = math.ceil(rows / block_length)
        return cls(rows, columns, block_length * max(1, math.ceil(blocks / groups)), file_columns)

    def column_ranges(self) -> list[range]:
        """Return the scenarios of each file."""
        starts = range(0, self.columns, self.file_columns)
        return [range(start, min(start + self.file_columns, self.columns)) for start in starts]


def write_part(
    sink: BinaryIO, values: Floats, columns: range, row_group_rows: int, compression: Compression
) -> None:
    """Write the scenarios of one file: float64 without nulls, one plain page a chunk, no statistics.

    Where the values stand is written before the footer of files that are not compressed, so that they
    can be read by position.
    """
    chosen = values[:, columns.start : columns.stop]
    schema = pa.schema([pa.field(str(n), pa.float64(), nullable=False) for n in columns])
    arrays = [array_of(np.ascontiguousarray(column)) for column in chosen.T]
    end, footers = EndHeld(sink), list[pq.FileMetaData]()
    with pq.ParquetWriter(
        end,
        schema,
        compression=compression,
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        write_page_checksum=True,
        data_page_size=row_group_rows * 8 + 1024,
        max_rows_per_page=row_group_rows,
        metadata_collector=footers,
    ) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_rows)
        end.hold()
    nans = int(np.isnan(chosen).sum())
    positions = positions_of(footers[0], row_group_rows, columns.start, nans)
    end.release(b"" if positions is None else positions.to_bytes(end.footer_start))
