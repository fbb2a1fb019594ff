"""What holds changed rows to something that this floor does not know, such as the schema of a table."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import polars as pl

from parquetry.operations.bundles import bundles_of
from parquetry.operations.opened import OpenedFile
from parquetry.operations.row_frames import Part, frame_of, to_polars

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pyarrow as pa

    from parquetry.model.changes import Requirement
    from parquetry.model.frames import Rows
    from parquetry.operations.edits import FileEdit, Hits
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


class _Changed(NamedTuple):
    """Rows of a row group that get new values."""

    edit: FileEdit
    group: int
    hits: Hits


def show_changes(
    inspection: Inspection, edits: Iterable[FileEdit], values: NewValues, scope: Scope
) -> None:
    """Show an inspection every row that gets new values, those of many small files together.

    **Cost:** of each row group with such rows the columns that the inspection wants to see.
    """
    names = [name for name in inspection.columns if name in scope.types]
    changed = [
        _Changed(edit, index, group.setting)
        for edit in edits
        for index, group in edit.groups.items()
        if group.setting is not None
    ]
    for some in bundles_of(changed, lambda one: max(one.hits.rows, one.hits.count * len(names))):
        inspection.change(*_before_and_after(some, names, values, scope))


def _before_and_after(
    changed: Sequence[_Changed], names: Sequence[str], values: NewValues, scope: Scope
) -> tuple[pl.DataFrame, pl.DataFrame]:
    with ExitStack() as stack:
        edits = {one.edit.file.path: one.edit for one in changed}
        files = {path: stack.enter_context(OpenedFile(one.file)) for path, one in edits.items()}
        parts = [
            Part(
                files[edit.file.path], group, None if hits.is_all else np.flatnonzero(hits.flags())
            )
            for edit, group, hits in changed
        ]
        before = frame_of(parts, names, scope.types)
        new = [values(files[edit.file.path], group, hits) for edit, group, hits in changed]
    setting = {name for table in new for name in table.column_names}
    after = [
        _with_new(column, new, scope.root) if column.name in setting else column
        for column in before
    ]
    return before, pl.DataFrame(after) if after else before


def _with_new(before: pl.Series, new: Sequence[pa.Table], where: str) -> pl.Series:
    """Return a column with the new values of the row groups in which it is set."""
    name, start, pieces = before.name, 0, []
    for table in new:
        if name in table.column_names:
            pieces.append(to_polars(table[name], name, where))
        else:
            pieces.append(before.slice(start, table.num_rows))
        start += table.num_rows
    return pl.concat(pieces)
