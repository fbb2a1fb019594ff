"""What a file of a series can do, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from parquetry.series.handles import Stamp
    from parquetry.series.indexing import Floats, Indices


class SeriesFile(Protocol):
    """One Parquet file whose columns are named by scenario, "0", "1" and so on."""

    @property
    def path(self) -> str:
        """Where the file is."""

    @property
    def stamp(self) -> Stamp:
        """What tells this content of the path from others."""

    @property
    def rows(self) -> int:
        """Steps."""

    @property
    def starts(self) -> list[int]:
        """The first row of every row group that has rows."""

    @property
    def stops(self) -> list[int]:
        """The end of every row group that has rows."""

    @property
    def columns(self) -> Indices:
        """The scenarios, ascending."""

    @property
    def first_column(self) -> int:
        """The first scenario."""

    @property
    def nan_values(self) -> int | None:
        """How many values are NaN, where the file's writer has counted them."""

    @property
    def compression(self) -> str:
        """How the values are compressed."""

    @property
    def footer_bytes(self) -> int:
        """The length of the footer."""

    def may_hold_nulls(self) -> bool:
        """Return whether there may be nulls, as far as the footer tells."""

    def announce(self, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Say what `fill` will be asked for, where the disk can begin with it."""

    def fill(self, out: Floats, group: int, positions: Indices, rows: slice | Indices) -> None:
        """Read columns of a row group from the disk, past the cache, into (columns, rows).

        Args:
            out: Where the values go.
            group: Which row group.
            positions: Ascending positions among the columns of this file.
            rows: Which rows of the group.
        """
