"""What keeps a key unique while several writers append at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from parquetry.errors import ConflictError, FormatVersionError, LayoutError, NotFoundError
from parquetry.model.changes import Requirement
from parquetry.model.partitions import PartitionFilter, parse_text
from parquetry.tables.file_versions import find_file_version
from parquetry.tables.key_planning import candidate_files
from parquetry.tables.key_search import check_new_keys, find_existing_keys
from parquetry.tables.table_files import TableFile
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from parquetry.access.source import Source
    from parquetry.tables.schema import TableSchema


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

    def guard(self, rows: pl.DataFrame) -> Callable[[Sequence[str]], Requirement]:
        """Return what `operations.appending.append` asks before it commits these rows."""

        def require(folders: Sequence[str]) -> Requirement:
            files = self._files(rows)
            self._look(rows, files)
            if not self.table.primary_key:
                return Requirement()
            depth = len(self._names)
            closed = {"/".join(folder.split("/")[:depth]) for folder in folders}
            return Requirement(tuple(sorted(closed)), frozenset(map(self._relative, files)))

        return require

    def find_existing(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return those keys of the rows that the dataset has, each once."""
        key = self.table.primary_key
        if not key:
            return rows.select(key).clear()
        return find_existing_keys(rows, key, self._candidates(rows, self._files(rows)))

    @property
    def _names(self) -> list[str]:
        """The outermost keys of folders that rows of one key have in common."""
        return list(takewhile(self.table.primary_key.__contains__, self.partition_by))

    def _files(self, rows: pl.DataFrame) -> list[str]:
        names = self._names if self.table.primary_key else self.partition_by
        tests = {name: (self._among(rows, name),) for name in names}
        try:
            return self.source.files(PartitionFilter(tests=tests))
        except NotFoundError:
            return []

    def _among(self, rows: pl.DataFrame, name: str) -> Callable[[str | None], bool]:
        """Return a test of a folder's text: whether rows have the value that it stands for."""
        kind = self.table.column(name).arrow_type
        values: set[Any] = set(rows[name].unique())

        def test(text: str | None) -> bool:
            try:
                return parse_text(text, kind) in values
            except LayoutError:
                return True  # who opens the files says what is wrong with it

        return test

    def _look(self, rows: pl.DataFrame, files: list[str]) -> None:
        candidates = self._candidates(rows, files)
        try:
            for file in candidates:
                self._refuse_newer(file.path)
            if self.table.primary_key:
                check_new_keys(rows, self.table.primary_key, candidates, self.table.identifier)
        except NotFoundError as error:
            raise ConflictError(
                f"{error.path} was replaced while keys were looked for in it. Nothing was written; "
                "retry.",
                path=error.path,
            ) from error

    def _candidates(self, rows: pl.DataFrame, files: list[str]) -> list[TableFile]:
        root = self.source.home.root
        known = [TableFile.under(root, self._relative(path)) for path in files]
        key = self.table.primary_key
        return candidate_files(rows.select(key).unique(), known) if key else known

    def _relative(self, path: str) -> str:
        return path[len(self.source.home.root) + 1 :]

    def _refuse_newer(self, path: str) -> None:
        found = find_file_version(path, self.table.name)
        if found is not None and found.major > Version.parse(self.table.version).major:
            raise FormatVersionError(
                f"{path} holds rows of {self.table.name}@{found}, and rows of {self.table.identifier} "
                "were to be put beside it: what its columns mean is not known here. Nothing was "
                "written. Move the file out of the dataset, or write with the newer schema.",
                path=path,
            )
