"""What keeps a key unique while several writers append at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import polars as pl

from parquetry.errors import (
    ConflictError,
    FormatVersionError,
    LayoutError,
    NotFoundError,
    SchemaMismatchError,
)
from parquetry.files.footers import read_footer
from parquetry.model.changes import Requirement
from parquetry.model.hive import partition_folder
from parquetry.model.partitions import PartitionFilter, parse_text
from parquetry.tables.file_versions import find_file_version
from parquetry.tables.key_search import KeyFinder, keys_exist
from parquetry.tables.table_files import TableFile
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyarrow.parquet import FileMetaData

    from parquetry.access.source import Source
    from parquetry.tables.schema import TableSchema

_SHOWN = 5


@dataclass(frozen=True)
class KeyGuard:
    """Refuses rows whose keys a dataset has, and rows beside files that are not understood.

    Folders that are named by columns of the key hold all rows of their keys, so only these are looked
    at and must get no other file until the rows are there. Where the outermost folders are named by
    something else, that is the whole dataset.

    Args:
        source: The dataset.
        table: Its table.
        partition_by: The keys of its folders.
    """

    source: Source
    table: TableSchema
    partition_by: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The keys of folders that tell where other rows of the same keys, or beside them, stand."""
        if not self.table.primary_key:
            return list(self.partition_by)
        return list(takewhile(self.table.primary_key.__contains__, self.partition_by))

    def require_new(
        self,
        heads: pl.DataFrame,
        batches: Iterable[pl.DataFrame],
        leaving: pl.DataFrame | None = None,
    ) -> Requirement:
        """Return what must still hold when rows are added, so that their keys stay the only ones.

        Args:
            heads: The distinct values that the rows have in `names`.
            batches: The keys of the rows.
            leaving: Keys of rows that leave at the same moment.

        Raises:
            KeyViolationError: The dataset has some of the keys already.
            FormatVersionError: A file that the rows would stand beside is of a newer MAJOR version.
            SchemaMismatchError: It is of an older one.
            ConflictError: A file was replaced meanwhile; a retry is safe.
        """
        files = self._files(heads)
        try:
            self._look(files, batches, leaving)
        except NotFoundError as error:
            raise ConflictError(
                f"{error.path} was replaced while keys were looked for in it. Nothing was written; "
                "retry.",
                path=error.path,
            ) from error
        if not self.table.primary_key:
            return Requirement()
        closed = {partition_folder(row) for row in heads.select(self.names).iter_rows(named=True)}
        seen = frozenset(self._relative(file.path) for file in files)
        return Requirement(tuple(sorted(closed or {""})), seen)

    def finder(self, heads: pl.DataFrame) -> KeyFinder:
        """Return what finds keys in the dataset as it is now, for rows with these values in `names`."""
        return KeyFinder(self.table.primary_key, self._files(heads))

    def _files(self, heads: pl.DataFrame) -> list[TableFile]:
        tests = {name: (self._among(heads, name),) for name in self.names}
        root = self.source.home.root
        try:
            found = self.source.files(PartitionFilter(tests=tests))
        except NotFoundError:
            return []
        return [TableFile.under(root, self._relative(path)) for path in found]

    def _among(self, heads: pl.DataFrame, name: str) -> Callable[[str | None], bool]:
        """Return a test of a folder's text: whether rows have the value that it stands for."""
        kind = self.table.column(name).arrow_type
        values: set[Any] = set(heads[name].unique())

        def test(text: str | None) -> bool:
            try:
                return parse_text(text, kind) in values
            except LayoutError:
                return True  # who opens the files says what is wrong with it

        return test

    def _look(
        self, files: list[TableFile], batches: Iterable[pl.DataFrame], leaving: pl.DataFrame | None
    ) -> None:
        if not self.table.primary_key:
            for file in files:
                self._refuse_other(file.path, read_footer(file.path))
            return
        finder = KeyFinder(self.table.primary_key, files, self._refuse_other)
        count, start = 0, 0
        shown: list[pl.DataFrame] = []
        for batch in batches:
            rows = finder.find_rows(batch, leaving)
            if count < _SHOWN and rows.height:
                shown.append(rows.with_columns(pl.col("row") + start))
            count += rows.height
            start += batch.height
        if count:
            raise keys_exist(pl.concat(shown).head(_SHOWN), count, self.table.identifier)

    def _relative(self, path: str) -> str:
        return path[len(self.source.home.root) + 1 :]

    def _refuse_other(self, path: str, footer: FileMetaData) -> None:
        """Refuse a file of another MAJOR version: its columns mean something else."""
        found = find_file_version(path, self.table.name, footer)
        own = Version.parse(self.table.version)
        if found is None or found.major == own.major:
            return
        kind = FormatVersionError if found.major > own.major else SchemaMismatchError
        raise kind(
            f"{path} holds rows of {self.table.name}@{found}, and rows of {self.table.identifier} were "
            "to be put beside it: its columns mean something else. Nothing was written. Move the file "
            "out of the dataset, or write with its schema.",
            path=path,
        )
