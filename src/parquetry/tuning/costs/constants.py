"""From what is read to how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.tuning.costs.work import Amount, Work


@dataclass(frozen=True, slots=True)
class Constants:
    """What a question's parts cost, in seconds.

    The defaults were measured with DuckDB 2.0 on two cores, with files in the cache of the disk.

    Args:
        question: Every question, whatever it reads.
        file: A file that is opened.
        row_group: A row group that is looked at.
        byte: A byte of the columns that are read, compressed.
        row: A row of a row group that is read.
        chunk: A piece of a column in a row group that a footer lists, whether it is read or not.
        kept_row: A row that fulfils what is tested while reading; the same in every layout.
        scattered_row: One of these that goes to a group which the processor has no more at hand.
    """

    question: float = 4e-3
    file: float = 2e-4
    row_group: float = 1e-5
    byte: float = 1e-9
    row: float = 8e-9
    chunk: float = 5e-6
    kept_row: float = 1e-8
    scattered_row: float = 4e-8

    def reading_seconds(
        self, work: Work[Amount], bytes_a_row: Amount, decoding: float = 1.0
    ) -> Amount:
        """Return how long reading takes: the part of a question that its layout decides.

        Args:
            work: What is read, by one question or each of many.
            bytes_a_row: The present size of the columns that are read, in one row.
            decoding: How much longer undoing the codec takes than undoing the present one.
        """
        return (
            self.file * work.files
            + self.row_group * work.row_groups
            + self.byte * work.rows * bytes_a_row * decoding
            + self.row * work.rows
            + self.chunk * work.chunks
            + self.scattered_row * work.scattered_rows
        )
