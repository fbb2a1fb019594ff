"""What happens to the files in which keys were found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from parquetry.errors import (
    KeyViolationError,
)
from parquetry.model.hive import partition_folder
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows
from parquetry.model.splitting import distinct
from parquetry.operations.arriving import by_folder
from parquetry.operations.edits import FileEdit, GroupEdit, Hits
from parquetry.operations.keys import (
    shown_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.operations.found_keys import Found
    from parquetry.operations.key_search import Searched
    from parquetry.operations.new_rows import NewRows
    from parquetry.operations.opened import OpenedFile
    from parquetry.operations.scope import Scope, ScopedFile
    from parquetry.operations.sought_keys import Numbers


OnDuplicateTarget: TypeAlias = Literal["error", "update_all", "replace"]
"""What to do where a key of the new rows stands more than once in the dataset: refuse; update each of
those rows; or leave one row in their place."""


class Sources(NamedTuple):
    """Which new rows set the rows of one row group: those that are set, and for each its new row.

    Nothing is set but the columns in which one of them differs.
    """

    setting: Hits
    rows: Numbers
    columns: frozenset[str]


@dataclass(frozen=True, eq=False)
class NewValues:
    """The new values of matched rows, for rewriting their files.

    Args:
        table: The new rows.
        update: The columns that a match may change.
        sources: By the file's relative path, by the number of the row group.
    """

    table: pa.Table
    update: tuple[str, ...]
    sources: Mapping[str, Mapping[int, Sources]]

    def __call__(self, file: OpenedFile, index: int, hits: Hits) -> pa.Table:
        """Return the new values of the rows of a row group that are hit."""
        setting, rows, columns = self.sources[file.file.state.path][index]
        chosen = rows if hits == setting else rows[hits.flags()[setting.flags()]]
        names = [name for name in self.update if name in columns]
        return self.table.select(names).take(array_of(chosen))


Places: TypeAlias = set[tuple[str, int, int]]


def settle_duplicates(
    searched: Sequence[Searched], new: NewRows, how: OnDuplicateTarget, root: str
) -> Places:
    """Return the places (path, row group, position) of rows that must go: all but one of each key.

    Raises:
        KeyViolationError: There are such rows, and nothing was said about them.
    """
    counts = np.zeros(new.table.num_rows, np.int64)
    for one in searched:
        for found in one.found.values():
            np.add.at(counts, found.rows, 1)
    twice = np.flatnonzero(counts > 1)
    if not len(twice) or how == "update_all":
        return set()
    if how == "error":
        first = new.table.select(list(new.keys)).slice(int(twice[0]), 1).to_pylist()[0]
        where = [
            s.file.state.path for s in searched for f in s.found.values() if twice[0] in f.rows
        ]
        raise KeyViolationError(
            f"{len(twice)} keys of the new rows stand more than once in {root}. The first is "
            f"{shown_key(first, new.keys)}, in {' and '.join(dict.fromkeys(where))}. Nothing was "
            "changed. Remove the duplicates first, or choose on_duplicate_target='replace' (one row "
            "takes their place) or 'update_all' (all are updated)."
        )
    return _superfluous(searched, set(twice.tolist()))


def _superfluous(searched: Sequence[Searched], twice: set[int]) -> Places:
    """Keep of each key the row that has least to change, of equals the first."""
    best: dict[int, tuple[int, tuple[str, int, int]]] = {}
    gone: Places = set()
    for one in searched:
        for index, found in one.found.items():
            for number, row in enumerate(found.rows.tolist()):
                if row not in twice:
                    continue
                place = (one.file.state.path, index, int(found.at[number]))
                cost = int(found.changed[number]) + int(found.moved[number])
                known = best.get(row)
                if known is None or cost < known[0]:
                    best[row] = (cost, place)
                    if known is not None:
                        gone.add(known[1])
                else:
                    gone.add(place)
    return gone


def edit_file(
    one: Searched, new: NewRows, scope: Scope, gone: Places
) -> tuple[FileEdit | None, dict[int, Sources]]:
    """Return what happens to a file in which keys were found, and which new rows set its rows."""
    groups: dict[int, GroupEdit] = {}
    sources: dict[int, Sources] = {}
    path = one.file.state.path
    for index, found in one.found.items():
        rows = one.group_rows[index]
        leaves = (
            np.array([(path, index, int(at)) in gone for at in found.at], bool) if gone else None
        )
        group, here = _group_edit(found, rows, leaves, new, one, scope)
        if group is not None:
            groups[index] = group
            sources[index] = here
    if not groups:
        return None, {}
    differ = {name for found in one.found.values() for name in found.columns}
    setting = {name: scope.types[name] for name in new.update if name in differ}
    return FileEdit(one.file, one.group_rows, groups, setting), sources


def _group_edit(
    found: Found, rows: int, leaves: Any, new: NewRows, one: Searched, scope: Scope
) -> tuple[GroupEdit | None, Sources]:
    setting = found.changed if leaves is None else found.changed & ~leaves
    moves = found.moved if leaves is None else found.moved & ~leaves
    leaving = moves if leaves is None else moves | leaves
    here = Sources(_hits(rows, found.at[setting]), found.rows[setting], found.columns)
    if not setting.any() and not leaving.any():
        return None, here
    folders: frozenset[str] = frozenset()
    if moves.any():
        folders = _folders(new, found.rows[moves], one.file.keys, scope)
    edit = GroupEdit(
        leaving=_hits(rows, found.at[leaving]) if leaving.any() else None,
        setting=here.setting if setting.any() else None,
        moving=_hits(rows, found.at[moves]) if moves.any() else None,
        folders=folders,
    )
    return edit, here


def _hits(rows: int, at: Numbers) -> Hits:
    flags = np.zeros(rows, bool)
    flags[at] = True
    return Hits.of(flags)


def _folders(new: NewRows, rows: Numbers, old: Mapping[str, Any], scope: Scope) -> frozenset[str]:
    setting = [key for key in scope.key_types if key in new.update]
    part = new.table.select(setting).take(array_of(rows))
    return frozenset(
        partition_folder({key: row.get(key, old.get(key)) for key in scope.key_types})
        for row in distinct(part, setting)
    )


def attach(
    edits: Sequence[FileEdit], inserted: pa.Table, scope: Scope
) -> tuple[list[FileEdit], pa.Table]:
    """Let new rows come to files of their folder that are written anew; return them, and the others."""
    by_place = {edit.file.state.folder: n for n, edit in enumerate(edits) if edit.rows_left}
    if not by_place or not inserted.num_rows:
        return list(edits), inserted
    attached, alone = list(edits), []
    for folder, part in by_folder(inserted, scope.key_types):
        number = by_place.get(folder)
        if number is not None and _holds(edits[number].file, part, scope):
            attached[number] = replace(edits[number], arriving=part)
        else:
            alone.append(part)
    return attached, pa.concat_tables(alone) if alone else no_rows(inserted.schema)


def _holds(file: ScopedFile, part: pa.Table, scope: Scope) -> bool:
    """Whether a file has the columns of new rows, in types that hold their values."""
    return all(
        file.columns.field(name).type == scope.types[name]
        if name in file.columns.names
        else name in file.from_path
        for name in part.column_names
    )
