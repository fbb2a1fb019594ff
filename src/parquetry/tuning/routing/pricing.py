"""What answering a question from given row groups takes, told from their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from parquetry.access.range_tests import admitted
from parquetry.tuning.replicas.bounds import ranges_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from parquetry.access.conditions import Demand
    from parquetry.operations.bounds import Flags


class Prices(Protocol):
    """What reading takes, in seconds."""

    @property
    def file(self) -> float:
        """A file that is opened."""

    @property
    def row_group(self) -> float:
        """A row group that is looked at."""

    @property
    def byte(self) -> float:
        """A byte that is read, compressed."""

    @property
    def row(self) -> float:
        """A row of a row group that is read."""

    @property
    def chunk(self) -> float:
        """A piece of a column in a row group that a footer lists, whether it is read or not."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What has to be read.

    Args:
        files: Files to open.
        row_groups: Row groups to look at.
        rows: Their rows.
        bytes: Their size.
        chunks: Pieces of columns that the footers of these files list.
    """

    files: int = 0
    row_groups: int = 0
    rows: int = 0
    bytes: int = 0
    chunks: int = 0

    def __add__(self, other: Reading) -> Reading:
        return Reading(
            self.files + other.files,
            self.row_groups + other.row_groups,
            self.rows + other.rows,
            self.bytes + other.bytes,
            self.chunks + other.chunks,
        )

    def seconds(self, prices: Prices) -> float:
        """Return how long it takes."""
        return (
            prices.file * self.files
            + prices.row_group * self.row_groups
            + prices.row * self.rows
            + prices.byte * self.bytes
            + prices.chunk * self.chunks
        )


class Groups:
    """The row groups of some files, ready to be asked.

    Args:
        table: What is known of them; see `replicas.bounds`.
        files: How many files there are.
        columns: How many columns each has.
    """

    def __init__(self, table: pa.Table, files: int, columns: int = 0) -> None:
        self.files = files
        self._file = np.asarray(table["file"])
        self._rows = np.asarray(table["rows"])
        self._bytes = np.asarray(table["bytes"])
        self._ranges = ranges_of(table)
        self.chunks = np.bincount(self._file, minlength=files) * columns
        self._all_chunks = int(self.chunks.sum())

    def admitted(self, references: Sequence[Sequence[Demand]]) -> Flags:
        """Return the row groups that a question can have use for."""
        return admitted(references, self._ranges, len(self._rows))

    def files_of(self, groups: Flags) -> list[int]:
        """Return the numbers of the files that some row groups stand in, ascending."""
        if self.files == 1:
            return [0] if groups.any() else []
        return np.flatnonzero(np.bincount(self._file[groups], minlength=self.files)).tolist()

    @cached_property
    def bytes_a_row(self) -> float | None:
        """The size of a row, compressed; None if there are no rows."""
        rows = int(self._rows.sum())
        return int(self._bytes.sum()) / rows if rows else None

    def reading(
        self, groups: Flags, files: Sequence[int], bytes_a_row: float | None = None
    ) -> Reading:
        """Return what reading some row groups of some files takes, if a row has a given size.

        That is its own if it is left out. A question reads some of the columns. How much smaller they
        are in another layout is not told by how much smaller all of them are.
        """
        is_all = len(files) == self.files
        chunks = self._all_chunks if is_all else int(self.chunks[files].sum()) if files else 0
        return self._reading(groups, len(files), chunks, bytes_a_row)

    def _reading(
        self, groups: Flags, files: int, chunks: int, bytes_a_row: float | None = None
    ) -> Reading:
        rows = int(self._rows @ groups)
        size = int(self._bytes @ groups) if bytes_a_row is None else round(rows * bytes_a_row)
        return Reading(files, int(np.count_nonzero(groups)), rows, size, chunks)

    def reading_all(self, groups: Flags) -> Reading:
        """Return what reading some row groups takes if every file is opened."""
        return self._reading(groups, self.files, self._all_chunks)

    def by_file(self, groups: Flags) -> NDArray[np.int64]:
        """Return how many row groups, rows and bytes some row groups have, a line a file."""
        files = self._file[groups]
        return np.column_stack(
            [
                np.bincount(files, minlength=self.files),
                np.bincount(files, self._rows[groups], self.files),
                np.bincount(files, self._bytes[groups], self.files),
            ]
        ).astype(np.int64)
