"""Which rows really change where new values are assigned, and which of these move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parquetry.model.plain_numbers import array_of
from parquetry.operations.bundles import split
from parquetry.operations.differences import differing
from parquetry.operations.edits import GroupEdit, Hits
from parquetry.operations.matching import where_of
from parquetry.operations.moves import folders_of, moving
from parquetry.operations.row_frames import Part, frame_of, rows_of, to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.assignments import Assignments
    from parquetry.operations.bounds import Flags
    from parquetry.operations.matching import Look


def find_edits(
    looks: Sequence[Look], assignments: Assignments, keys: Mapping[str, pa.DataType]
) -> list[GroupEdit | None]:
    """Return what happens to row groups some of whose rows are assigned new values, if anything does.

    Args:
        looks: The row groups, with the rows that are meant.
        assignments: The new values.
        keys: The partition keys with their types.
    """
    names = list(assignments.exprs)
    needed = list(dict.fromkeys([*assignments.inputs, *names]))
    parts = [
        Part(file, index, None if flags.all() else np.flatnonzero(flags))
        for file, index, flags in looks
    ]
    frame = frame_of(parts, needed, assignments.types)
    where = where_of([look.file for look in looks])
    inputs = frame[list(assignments.inputs)] if assignments.inputs else frame
    new = assignments.computed(inputs, where)
    found = pl.DataFrame([to_polars(new[name], name, where) for name in new.column_names])
    changes = differing(frame[names], found)
    if not changes:
        return [None] * len(looks)
    counts = [part.rows for part in parts]
    changed = split(np.logical_or.reduce(list(changes.values())), counts)
    starts = np.cumsum([0, *counts]).tolist()
    return [
        _edit_of(look, here, new.slice(start, len(here)), assignments, keys)
        for look, here, start in zip(looks, changed, starts, strict=False)
    ]


def _edit_of(
    look: Look,
    changed: Flags,
    new: pa.Table,
    assignments: Assignments,
    keys: Mapping[str, pa.DataType],
) -> GroupEdit | None:
    """Return what happens to a row group some of whose hit rows get new values."""
    if not changed.any():
        return None
    setting = look.flags.copy()
    setting[look.flags] = changed
    if not changed.all():
        new = new.filter(array_of(changed))
    where = look.file.file
    hits = Hits.of(setting)
    assignments.memory.keep(where.state.path, look.group, hits, new)
    moving_keys = [key for key in keys if key in new.column_names]
    if not moving_keys:
        return GroupEdit(setting=hits)
    frame = pl.DataFrame([to_polars(new[key], key, where.path) for key in moving_keys])
    moved = moving(frame, [Part(look.file, look.group, np.flatnonzero(setting))], keys)
    if moved is None:
        return GroupEdit(setting=hits)
    leaving = setting.copy()
    leaving[setting] = moved
    gone = Hits.of(leaving)
    return GroupEdit(gone, hits, gone, folders_of(rows_of(frame, moved), where.keys, keys))
