"""What holds changed rows to something that this floor does not know, such as the schema of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from parquetry.operations.opened import OpenedFile
from parquetry.operations.row_frames import Part, frame_of, to_polars

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from parquetry.model.changes import Requirement
    from parquetry.model.frames import Rows
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.recoding import NewValues
    from parquetry.operations.scope import Scope

UNGUARDED = "Change it through Dataset or ParquetCRUD, which do."
"""The advice to somebody who changes rows of a table without a guard."""


class Inspection(Protocol):
    """One change, looked at while it is planned. Nothing is written unless it comes to its end."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns that have to be seen of a row that changes."""

    def change(self, before: pl.DataFrame, after: pl.DataFrame) -> None:
        """Look at rows that change, as they were and as they would be."""

    def insert(self, rows: pa.Table) -> pa.Table:
        """Look at rows that come, and return them complete."""

    def finish(self, requirement: Requirement) -> Requirement:
        """Return what must still hold at the commit, besides what is required already.

        Raises:
            ParquetryError: The change must not be made.
        """


class RowGuard(Protocol):
    """Knows what the rows of one dataset must be."""

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """What every file of the dataset says of itself."""

    def prepare(self, rows: Rows, on: Collection[str]) -> pa.Table:
        """Return rows for an upsert as one table, of columns that are known."""

    def inspect(self, verb: str, setting: Collection[str], on: Collection[str]) -> Inspection:
        """Begin to look at a change.

        Args:
            verb: What is to be done.
            setting: The columns that may get new values.
            on: The columns by which rows were looked for, in the whole dataset; none but for upserts.
        """


def show_changes(
    inspection: Inspection, edits: Iterable[FileEdit], values: NewValues, scope: Scope
) -> None:
    """Show an inspection every row that gets new values.

    **Cost:** of each row group with such rows the columns that it wants to see.
    """
    names = [name for name in inspection.columns if name in scope.types]
    for edit in edits:
        with OpenedFile(edit.file) as file:
            for index, group in edit.groups.items():
                if group.setting is None:
                    continue
                where = edit.file.path
                at = None if group.setting.is_all else np.flatnonzero(group.setting.flags())
                before = frame_of([Part(file, index, at)], names, scope.types)
                new = values(file, index, group.setting)
                after = before.with_columns(
                    to_polars(new[name], name, where) for name in new.column_names if name in names
                )
                inspection.change(before, after)
