"""What is known of the files that one question reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.skimming import FileSchema, Stamp


@dataclass(frozen=True)
class Listing:
    """Files as they were at one moment, with all that is needed to read them without a guess.

    Args:
        files: Absolute paths.
        schemas: The schema of each file; files that have the same share one object.
        columns: All columns of the dataset: those of the files, then the keys of the paths alone.
        path_values: One row a file: the keys whose values the folders say.
        keys: The partition keys with their types, outermost first.
        is_whole: Whether these are all files of the dataset.
        stamps: By what each of the dataset's own files is known to be unchanged.
        links: The files that are symbolic links, and whose stamps are those of other files.
        version: The version of the dataset when they were listed; None if whoever listed them knows it.
    """

    files: Sequence[str]
    schemas: Sequence[FileSchema]
    columns: pa.Schema
    path_values: pa.Table
    keys: Mapping[str, pa.DataType]
    is_whole: bool
    stamps: Sequence[Stamp] = ()
    links: frozenset[str] = frozenset()
    version: int | None = None

    @cached_property
    def file_columns(self) -> pa.Schema:
        """The columns whose values the files hold."""
        ignored = set(self.path_values.column_names)
        return pa.schema([field for field in self.columns if field.name not in ignored])

    @cached_property
    def distinct_schemas(self) -> list[FileSchema]:
        """Each schema once, in order of appearance."""
        return list(dict.fromkeys(self.schemas))

    @cached_property
    def is_uniform(self) -> bool:
        """Whether every file has all columns of the dataset, with the same types."""
        wanted = {field.name: field.type for field in self.file_columns}
        ignored = set(self.path_values.column_names)
        return all(
            {f.name: f.type for f in one.columns if f.name not in ignored} == wanted
            for one in self.distinct_schemas
        )
