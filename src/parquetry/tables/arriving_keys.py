"""The keys of the rows that one call brings: compared with each other, however many there are."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from parquetry.errors import KeyViolationError
from parquetry.tables.failures import row_text
from parquetry.tables.quoting import literal, quoted
from parquetry.tables.spooling import read_written, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.model.changes import NewFile
    from parquetry.tables.schema import TableSchema

_KEPT_ROWS = 1 << 19
_MEMORY = "96MB"  # DuckDB's, beyond which it goes to the disk
_SHOWN = 3


class ArrivingKeys:
    """The keys of one call's rows.

    **Cost:** up to half a million keys stay in memory; more are read again from the staged files.

    Args:
        table: The table.
        names: The keys of folders whose values are wanted.
    """

    def __init__(self, table: TableSchema, names: Sequence[str]) -> None:
        self._table = table
        self._key = list(table.primary_key)
        self._names = list(names)
        self._heads: pl.DataFrame | None = None
        self._kept: list[pl.DataFrame] = []
        self._rows = 0
        self._batches = 0
        self._differ = False

    def add(self, frame: pl.DataFrame) -> None:
        """Take note of a batch of rows, whose keys differ from each other."""
        heads = frame.select(self._names).unique()
        self._heads = heads if self._heads is None else pl.concat([self._heads, heads]).unique()
        self._rows += frame.height
        self._batches += 1
        self._kept.append(frame.select(self._key))
        if not self._fits:
            self._kept.clear()

    @property
    def heads(self) -> pl.DataFrame:
        """The distinct values that the rows have in the names of folders."""
        return pl.DataFrame() if self._heads is None else self._heads

    def batches(self, staged: Sequence[NewFile]) -> Iterator[pl.DataFrame]:
        """Yield the keys of all rows.

        Args:
            staged: The files that the rows were written to.
        """
        if self._fits:
            yield from self._kept
        else:
            for new in staged:
                yield from read_written(new.source, self._key)

    def refuse_twice(self, staged: Sequence[NewFile]) -> None:
        """Raise `KeyViolationError` if two rows of the call share a key."""
        if self._differ:
            return
        twice = self.find_twice([new.source for new in staged])
        if twice.height:
            raise self._error(twice)
        self._differ = True

    def find_twice(self, paths: Sequence[str]) -> pl.DataFrame:
        """Return the keys that several batches have, with the number of their rows as `len`.

        Args:
            paths: The files that the rows were written to, which are read if they are many.
        """
        if self._batches < 2 or not self._key:  # noqa: PLR2004 - a batch has no doubles
            return pl.DataFrame()
        if self._fits:
            keys = pl.concat(self._kept)
            return keys.filter(keys.is_duplicated()).group_by(self._key, maintain_order=True).len()
        return self._find_in_files(paths)

    @property
    def _fits(self) -> bool:
        return self._rows <= _KEPT_ROWS

    def _find_in_files(self, paths: Sequence[str]) -> pl.DataFrame:
        """Return the keys that occur more than once: by a hash first, since that needs little room."""
        names = ", ".join(map(quoted, self._key))
        files = f"read_parquet([{', '.join(map(literal, paths))}])"
        folder = paths[0].rpartition("/")[0]
        with closing(duckdb.connect()) as connection:
            try:
                connection.execute(f"SET memory_limit = {literal(_MEMORY)}")
                connection.execute(f"SET temp_directory = {literal(f'{folder}/sorting')}")
                connection.execute("SET threads = 2")
                connection.execute("SET preserve_insertion_order = false")
                connection.execute(
                    f"CREATE TEMP TABLE twice AS SELECT hash({names}) AS h FROM {files} "
                    "GROUP BY h HAVING count(*) > 1"
                )
                found = connection.sql(
                    f"SELECT {names}, count(*) AS len FROM {files} "
                    f"WHERE hash({names}) IN (FROM twice) GROUP BY ALL HAVING count(*) > 1"
                )
                return pl.DataFrame(pl.from_arrow(found.to_arrow_table()))
            except duckdb.Error as error:
                raise unreadable(folder, error) from error

    def _error(self, twice: pl.DataFrame) -> KeyViolationError:
        first = twice.head(_SHOWN).select(self._key)
        shown = "; ".join(row_text(row) for row in first.iter_rows(named=True))
        rows = int(twice["len"].sum())
        return KeyViolationError(
            f"{rows:,} of these {self._rows:,} rows share {twice.height:,} keys of "
            f"{self._table.identifier}, which are ({', '.join(self._key)}): {shown}"
            f"{', …' if twice.height > _SHOWN else ''}. Nothing was written. A key names one row: leave "
            "the others out, or change their keys."
        )
