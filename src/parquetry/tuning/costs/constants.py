"""From what is read to how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.tuning.costs.work import Work


@dataclass(frozen=True, slots=True)
class Constants:
    """What a question's parts cost, in seconds.

    The defaults are those of a laptop of 2024 with files in the cache of its disk.

    Args:
        question: Every question, whatever it reads.
        file: A file that is opened.
        row_group: A row group that is looked at.
        byte: A byte of the columns that are read, compressed.
        row: A row of a row group that is read.
        kept_row: A row that fulfils what is tested while reading; the same in every layout.
    """

    question: float = 2e-3
    file: float = 2e-4
    row_group: float = 5e-5
    byte: float = 4e-10
    row: float = 4e-9
    kept_row: float = 1e-8

    def reading_seconds(self, work: Work, bytes_a_row: float) -> float:
        """Return how long reading takes: the part of a question that its layout decides."""
        return (
            self.file * work.files
            + self.row_group * work.row_groups
            + self.byte * work.rows * bytes_a_row
            + self.row * work.rows
        )
