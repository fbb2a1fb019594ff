"""Rows that get another partition: which they are, where they go, and what they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from parquetry.model.hive import partition_folder
from parquetry.model.plain_numbers import array_of
from parquetry.operations.differences import differs
from parquetry.operations.edits import Hits
from parquetry.operations.fitting import fitted
from parquetry.operations.opened import OpenedFile
from parquetry.operations.row_frames import repeated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from parquetry.operations.bounds import Flags
    from parquetry.operations.edits import FileEdit, GroupEdit
    from parquetry.operations.recoding import NewValues
    from parquetry.operations.row_frames import Part
    from parquetry.operations.scope import Scope


def moving(
    new: pl.DataFrame, parts: Sequence[Part], keys: Mapping[str, pa.DataType]
) -> Flags | None:
    """Return which rows get another partition than that of their files, None if none does.

    Args:
        new: The new values of rows, part by part.
        parts: Where these rows stand.
        keys: The partition keys with their types.
    """
    setting = [key for key in keys if key in new.columns]
    if not setting:
        return None
    counts = [part.rows for part in parts]
    flags = []
    for key in setting:
        values = [part.file.file.keys.get(key) for part in parts]
        flags.append(differs(new.get_column(key), repeated(key, values, counts, keys[key])))
    moved: Flags = np.logical_or.reduce(flags)
    return moved if moved.any() else None


def folders_of(
    new: pl.DataFrame, old: Mapping[str, Any], keys: Mapping[str, pa.DataType]
) -> frozenset[str]:
    """Return the relative folders where rows belong by some new values and else their old ones."""
    setting = [key for key in keys if key in new.columns]
    found = new.select(setting).unique().rows(named=True)
    return frozenset(
        partition_folder({key: row.get(key, old.get(key)) for key in keys}) for row in found
    )


def targets_of(edits: Sequence[FileEdit]) -> set[str]:
    """Return the folders where moving rows come back."""
    return {folder for edit in edits for group in edit.groups.values() for folder in group.folders}


def moved_rows(edits: Sequence[FileEdit], values: NewValues, scope: Scope) -> Iterator[pa.Table]:
    """Yield the rows that move, with their new values, a row group's at a time."""
    for edit in edits:
        going = {index: group for index, group in edit.groups.items() if group.moving is not None}
        if not going:
            continue
        with OpenedFile(edit.file) as file:
            for index, group in going.items():
                yield _moved_of(file, index, group, values, scope)


def _moved_of(
    file: OpenedFile, index: int, group: GroupEdit, values: NewValues, scope: Scope
) -> pa.Table:
    """Return the moving rows of a row group: the new value of what is set, the old of all else."""
    going = group.moving or Hits(0, 0, None)
    new = values(file, index, going)
    table = file.read(index).filter(array_of(going.flags()))
    columns = {}
    for column in scope.columns:
        if column.name in new.column_names:
            columns[column.name] = new[column.name]
        elif column.name in table.column_names and column.name not in file.file.from_path:
            columns[column.name] = fitted(table[column.name], column, scope.root)
        elif column.name in file.file.keys:
            said = [file.file.keys[column.name]]
            value = repeated(column.name, said, [going.count], column.type).to_arrow()
            columns[column.name] = fitted(pa.chunked_array([value]), column, scope.root)
    return pa.table(columns)
