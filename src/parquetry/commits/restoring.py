"""Undoing commits, by a new commit: what they added leaves, what they retired comes back."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.committing import commit
from parquetry.commits.history import check_version, kept_in_history, refuse_unsettled
from parquetry.commits.log import read_records
from parquetry.commits.settling import settled
from parquetry.commits.snapshots import data_files, file_states
from parquetry.commits.staging import open_staging
from parquetry.errors import ConflictError
from parquetry.files.footers import count_rows
from parquetry.model.changes import Change, NewFile, Requirement
from parquetry.model.lifetimes import Lifetime, lifetimes
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import FileState
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 10  # of planning anew because others changed the same folders in between


@dataclass(frozen=True, slots=True)
class Revival:
    """A retired file that is to come back.

    Args:
        path: Where it is to stand, relative: its old place, or a new name beside it if that is taken.
        source: Where the history keeps it: an absolute path.
        bytes: Its size.
        rows: How many rows it must hold, None if no commit ever counted them.
        checksum: SHA-256 of its bytes, None if it was never taken.
        inode: Its number in the file system.
    """

    path: str
    source: str
    bytes: int
    rows: int | None
    checksum: str | None
    inode: int


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do.

    Args:
        version: The state to go back to.
        base_version: The state that the plan saw.
        undo: The versions that it undoes, newest first.
        retire: The files that leave; they are kept as history, so that the restore can be undone.
        revive: The files that come back.
        requirement: What must still hold when it is carried out.
    """

    version: int
    base_version: int
    undo: tuple[int, ...]
    retire: tuple[FileState, ...]
    revive: tuple[Revival, ...]
    requirement: Requirement

    @property
    def is_empty(self) -> bool:
        """Whether the dataset is already in this state."""
        return not self.retire and not self.revive


def plan_restore(home: Home, storage: Storage, version: int) -> RestorePlan:
    """Return what it takes to undo all commits after a version; nothing is written.

    Raises:
        NotFoundError: There is no such version, or its files were vacuumed.
        StorageError: A crashed commit has to be completed first, by somebody who may write.
    """
    with settled(home, storage) as rest:
        refuse_unsettled(home, is_settled=rest.is_settled)
        records = read_records(home, storage)
        check_version(home, records, version)
        return _plan(home, storage, records, version)


def _plan(home: Home, storage: Storage, records: list[CommitRecord], version: int) -> RestorePlan:
    stays = lifetimes(records)
    came_since = sorted(
        stay.path for stay in stays if stay.left is None and (stay.came or 0) > version
    )
    leaving = list(file_states(home, storage, came_since))
    returning = [
        _revival(home, storage, stay)
        for stay in stays
        if stay.left is not None and stay.left > version >= (stay.came or 0)
    ]
    # a file that an earlier restore brought back under any name is already there: the same inode
    there, wanted = {f.inode for f in leaving}, {r.inode for r in returning}
    revive = _placed(home, storage, [r for r in returning if r.inode not in there])
    return RestorePlan(
        version,
        records[-1].version if records else 0,
        tuple(r.version for r in reversed(records) if r.version > version),
        tuple(f for f in leaving if f.inode not in wanted),
        tuple(revive),
        _requirement(home, storage, revive),
    )


def _revival(home: Home, storage: Storage, stay: Lifetime) -> Revival:
    source = kept_in_history(home, storage, stay)
    facts = storage.stat(source)
    rows, checksum = (stay.added.rows, stay.added.checksum) if stay.added else (None, None)
    return Revival(stay.path, source, facts.size, rows, checksum, facts.inode)


def _placed(home: Home, storage: Storage, revivals: Iterable[Revival]) -> list[Revival]:
    """Give each its old place where that is free, otherwise a new name in the same folder."""
    placed: dict[str, Revival] = {}
    for one in revivals:
        path = one.path
        if path in placed or find_stat(storage, f"{home.root}/{path}") is not None:
            name = f"part-{uuid.uuid4().hex[:12]}-restored.parquet"
            path = posixpath.join(posixpath.dirname(path), name)
        placed[path] = Revival(path, one.source, one.bytes, one.rows, one.checksum, one.inode)
    return list(placed.values())


def _requirement(home: Home, storage: Storage, revivals: list[Revival]) -> Requirement:
    """Return that nothing may come to the folders of the returning files: not their doubles."""
    closed = sorted({posixpath.dirname(revival.path) for revival in revivals})
    seen = {
        posixpath.join(folder, path)
        for folder in closed
        for path in data_files(storage, f"{home.root}/{folder}".rstrip("/"))
    }
    return Requirement(tuple(closed), frozenset(seen))


def restore(home: Home, storage: Storage, version: int) -> CommitRecord | None:
    """Undo all commits after a version, by a new commit; return its record, None if there is no need.

    Files that no commit knows (added without the log, or by other tools) stay. A restore can itself be
    undone, by restoring to the version before it.

    **Guarantees:** those of `commit`. Where others change the same folders at this moment, it plans
    anew; commits elsewhere that come while it runs are not undone.

    **Cost:** hard links and the footers of the files that come back; no data is copied.

    Raises:
        NotFoundError: There is no such version, or its files were vacuumed.
        ConflictError: Others kept changing the same files.
        StorageError: The disk refused; `outcome` says whether the restore will be true.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _carry_out(home, storage, plan_restore(home, storage, version))
        except ConflictError:
            continue
    return _carry_out(home, storage, plan_restore(home, storage, version))


def _carry_out(home: Home, storage: Storage, plan: RestorePlan) -> CommitRecord | None:
    if plan.is_empty:
        return None
    with open_staging(home, storage) as staging:
        change = Change(
            "restore",
            {"version": plan.version},
            plan.base_version,
            plan.retire,
            tuple(_staged(storage, staging, revival) for revival in plan.revive),
            plan.requirement,
        )
        return commit(home, storage, staging, change)


def _staged(storage: Storage, staging: Staging, revival: Revival) -> NewFile:
    source = staging.new_path()
    storage.link(revival.source, source)
    rows = count_rows(source) if revival.rows is None else revival.rows
    return NewFile(revival.path, source, rows, revival.bytes, revival.checksum)
