"""Units on disk: one `(grid_id, seed)`, written whole, found again, replaced in one step."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parquetry.commits.committing import commit
from parquetry.commits.log import latest_version
from parquetry.commits.placing import place, sync_placed
from parquetry.commits.staging import new_draft, open_staging
from parquetry.errors import AlreadyExistsError, ConflictError, NotFoundError, ParquetryError
from parquetry.files.encoding import encode_table
from parquetry.model.casting import cast_lossless
from parquetry.model.changes import Change, FileState, NewFile, Requirement, checksum_of, new_file
from parquetry.model.hive import encode_segment, partition_folder
from parquetry.storage.folders import find_stat, write_file
from parquetry.storage.listing import is_data_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.home import Home
    from parquetry.commits.new_folders import NewFolders
    from parquetry.commits.staging import Staging
    from parquetry.experiments.rows import Unit
    from parquetry.storage.protocol import Storage

Mode = Literal["replace", "append", "skip", "error"]
_ATTEMPTS = 100  # of replacing one unit that others replace at the same time


@dataclass(frozen=True)
class StagedUnit:
    """The encoded rows of a unit, aside.

    Args:
        folder: Its partition folder, relative to the dataset.
        seed: Its seed.
        grid_id: Its grid.
        keys: The dataset's partition keys.
        table: The rows as they were encoded.
        path: The relative path that its file will have, if it is new.
        source: The staged file.
        bytes: Its size.
        checksum: Its SHA-256.
        mode: What to do if the unit is there already.
    """

    folder: str
    seed: int
    grid_id: str
    keys: tuple[str, ...]
    table: pa.Table
    path: str
    source: str
    bytes: int
    checksum: str
    mode: Mode

    @property
    def shared_by(self) -> dict[str, Any]:
        """What tells this unit's rows from others in the same folder; empty if it has its own."""
        return _shared_by(self.keys, self.grid_id, self.seed)

    @property
    def stem(self) -> str:
        """The file name of a unit, without its ending: `data` where it has its own folder."""
        return _stem(self.shared_by)

    def path_tagged(self, tag: str) -> str:
        """Return the relative path of a further file of this unit."""
        return posixpath.join(self.folder, f"{self.stem}{tag}.parquet")


def _shared_by(keys: tuple[str, ...], grid_id: str, seed: int) -> dict[str, Any]:
    values = {"grid_id": grid_id, "seed": seed}
    return {key: value for key, value in values.items() if key not in keys}


def _stem(shared_by: Mapping[str, Any]) -> str:
    return ",".join(encode_segment(k, v) for k, v in shared_by.items()) or "data"


def stage_unit(
    home: Home,
    storage: Storage,
    folders: NewFolders,
    unit: Unit,
    grid_id: str,
    table: pa.Table,
    mode: Mode,
) -> StagedUnit:
    """Encode the rows of a unit and write them aside; they are not durable before they are synced."""
    content = encode_table(table)
    keys = tuple(unit.folder)
    folder = partition_folder(dict(unit.folder))
    tag = f"-{uuid.uuid4().hex[:12]}" if mode == "append" else ""
    stem = _stem(_shared_by(keys, grid_id, unit.seed))
    path = posixpath.join(folder, f"{stem}{tag}.parquet")
    source = folders.stage(path) or new_draft(home)
    write_file(storage, source, content)
    size, checksum = len(content), checksum_of(content)
    return StagedUnit(folder, unit.seed, grid_id, keys, table, path, source, size, checksum, mode)


def place_new(
    home: Home, storage: Storage, folders: NewFolders, units: list[StagedUnit]
) -> list[str]:
    """Place the units that are not there yet, and appended ones; return the absolute paths, "" if left.

    The lock is shared: any number of writers do this at once, only an exchange of folders waits.
    """
    placed: list[str] = []
    with storage.lock(home.lock, shared=True):
        dirty = folders.move()
        for unit in units:
            try:
                placed.append(_place(home, storage, folders, unit, dirty))
            except AlreadyExistsError:
                placed.append("")  # another writer of the same unit was faster
            except ParquetryError as error:
                if any(placed):
                    error.outcome = "changed"
                raise
    sync_placed(storage, dirty)
    return placed


def _place(
    home: Home, storage: Storage, folders: NewFolders, unit: StagedUnit, dirty: list[str]
) -> str:
    if not folders.have_moved(unit.path):
        is_new = unit.mode == "append" or not _of_unit(
            home, _states(home, storage, unit.folder), unit
        )
        if not is_new:
            return ""
        dirty += place(home, storage, unit.source, unit.path)
    return f"{home.root}/{unit.path}"


def resolve(home: Home, storage: Storage, unit: StagedUnit) -> str:
    """Do what the unit's mode says where rows of it are there already; return the path, "" if unchanged.

    Raises:
        AlreadyExistsError: The mode is `error`.
        ConflictError: Others kept replacing the same unit.
    """
    if unit.mode == "skip":
        return ""
    if unit.mode == "error":
        raise AlreadyExistsError(
            f"Seed {unit.seed} of grid {unit.grid_id} is in {home.root}/{unit.folder} already. It was "
            "left as it is. Write with mode='replace', 'append' or 'skip' if that is meant.",
            path=f"{home.root}/{unit.folder}",
        )
    for _ in range(_ATTEMPTS):
        try:
            return _replace(home, storage, unit)
        except ConflictError:
            continue
    raise ConflictError(
        f"Seed {unit.seed} of grid {unit.grid_id} was replaced by others {_ATTEMPTS} times while this "
        "was tried. Nothing was changed; a retry is safe."
    )


def _replace(home: Home, storage: Storage, unit: StagedUnit) -> str:
    version = latest_version(home, storage)
    everything = _states(home, storage, unit.folder)
    present = _of_unit(home, everything, unit)
    own = [_read(f"{home.root}/{state.path}", unit) for state in present]
    if _same_rows([mine for mine, _ in own], unit.table):
        return ""
    with open_staging(home, storage) as staging:
        source = staging.new_path()
        storage.link(unit.source, source)
        path = unit.path_tagged(f"-{staging.tag(source)}")
        new = NewFile(path, source, unit.table.num_rows, unit.bytes, unit.checksum)
        rest = [_stage_rest(storage, staging, unit, other) for _, other in own if other.num_rows]
        seen = frozenset(state.path for state in everything)
        change = Change(
            "write unit",
            {"grid_id": unit.grid_id, "seed": unit.seed},
            base_version=version,
            retire=tuple(present),
            add=(new, *rest),
            requirement=Requirement((unit.folder,), seen),
        )
        commit(home, storage, staging, change)
    return f"{home.root}/{path}"


def _read(path: str, unit: StagedUnit) -> tuple[pa.Table, pa.Table]:
    """Return the rows of a file that belong to the unit, and the others."""
    try:
        table = pq.ParquetFile(path).read()
    except FileNotFoundError as error:
        raise ConflictError(f"{path} was replaced just now. Nothing was changed.") from error
    mine = _mask(table, unit)
    return (
        (table, table.slice(0, 0))
        if mine is None
        else (table.filter(mine), table.filter(pc.invert(mine)))
    )


def _mask(table: pa.Table, unit: StagedUnit) -> pa.ChunkedArray | None:
    masks = [
        pc.fill_null(pc.equal(table[key], pa.scalar(value, table[key].type)), False)  # noqa: FBT003
        for key, value in unit.shared_by.items()
        if key in table.column_names
    ]
    mask = masks[0] if masks else None
    for other in masks[1:]:
        mask = pc.and_(mask, other)
    return mask


def _same_rows(present: list[pa.Table], table: pa.Table) -> bool:
    if len(present) != 1 or present[0].num_rows != table.num_rows:
        return False
    if set(present[0].column_names) != set(table.column_names):
        return False
    there = present[0].select(table.column_names)
    same_types = there.schema.equals(table.schema)
    return bool(same_types and _in_polars(there).equals(_in_polars(table)))  # where NaN equals NaN


def _in_polars(table: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


def _stage_rest(storage: Storage, staging: Staging, unit: StagedUnit, rest: pa.Table) -> NewFile:
    """The rows of other units that shared a file with this one, in a file of their own."""
    content = encode_table(cast_lossless(rest, rest.schema, unit.folder))
    source = staging.new_path()
    write_file(storage, source, content)
    path = posixpath.join(unit.folder, staging.final_name(source))
    return new_file(path, source, rest.num_rows, content)


def _of_unit(home: Home, states: list[FileState], unit: StagedUnit) -> list[FileState]:
    """Return the files, of those in its folder, that hold rows of the unit."""
    if not unit.shared_by:
        return states
    return [state for state in states if _holds(home, state, unit)]


def _holds(home: Home, state: FileState, unit: StagedUnit) -> bool:
    stem = posixpath.basename(state.path).removesuffix(".parquet")
    if stem.startswith("part-") or "=" not in stem:
        return bool(_read(f"{home.root}/{state.path}", unit)[0].num_rows)
    return stem == unit.stem or stem.startswith(f"{unit.stem}-")


def _states(home: Home, storage: Storage, folder: str) -> list[FileState]:
    absolute = posixpath.join(home.root, folder).rstrip("/")
    try:
        names = [name for name, kind in storage.list_folder(absolute) if kind != "folder"]
    except NotFoundError:
        return []
    states = []
    for name in filter(is_data_file, names):
        facts = find_stat(storage, f"{absolute}/{name}")
        if facts is not None:
            path = posixpath.join(folder, name)
            states.append(FileState(path, facts.size, facts.mtime_ns, facts.inode))
    return states
