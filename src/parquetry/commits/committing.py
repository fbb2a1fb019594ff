"""Making a change true: checked, assembled aside, recorded, exchanged.

The record is the commit point. Whatever fails before it leaves the dataset as it was; whatever fails
after it is completed by `finishing`, now or when the dataset is next opened.
"""

from __future__ import annotations

import posixpath
import uuid
from typing import TYPE_CHECKING

from parquetry.commits import log
from parquetry.commits.assembling import assemble, folders_to_exchange
from parquetry.commits.finishing import finish, recover
from parquetry.commits.permitting import check_permitted
from parquetry.commits.staged_files import prove
from parquetry.commits.staging import sweep
from parquetry.errors import ConflictError, NotFoundError, ParquetryError
from parquetry.model.records import AddedFile, CommitRecord, RetiredFile
from parquetry.storage.folders import find_stat, walk
from parquetry.storage.listing import is_data_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.assembling import Held
    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import Change, FileState
    from parquetry.storage.protocol import Storage


def commit(home: Home, storage: Storage, staging: Staging, change: Change) -> CommitRecord:
    """Make a change true in one step, and return its record.

    **Guarantees:** a crash, a kill or a loss of power leaves the dataset before or after the change,
    never between; files that others add in the meantime stay. Retired files are kept as history.

    **Cost:** besides the staged files: one link a file of the covering folder and about ten syncs.

    Raises:
        ConflictError: A file to retire has changed, or a closed folder has got new files.
        StorageError: The disk refused; `outcome` says whether the change will be true.
    """
    prove(storage, staging, change.add)  # while nobody waits for the lock
    with storage.lock(home.lock):
        latest = recover(home, storage)
        sweep(home, storage)
        check_retired(home, storage, change.retire)
        folders = folders_to_exchange(home, storage, change)
        _check_closed(home, storage, change, folders)
        check_permitted(home, storage, change, folders)
        record, unsynced = _assemble(home, storage, staging, change, folders, latest + 1)
        _record(home, storage, staging, record, unsynced)
        _finish(home, storage, record)
        staging.is_needed = False
    return record


def check_retired(home: Home, storage: Storage, retired: tuple[FileState, ...]) -> None:
    """Raise `ConflictError` if a file that a change retires is not the one that it was planned for."""
    for file in retired:
        facts = find_stat(storage, f"{home.root}/{file.path}")
        found = None if facts is None else (facts.size, facts.mtime_ns, facts.inode)
        if found != (file.bytes, file.mtime_ns, file.inode):
            what = "is gone" if facts is None else "has been changed"
            raise ConflictError(
                f"{home.root}/{file.path} {what} since this change was planned. "
                "Nothing was changed; plan again and retry.",
                path=file.path,
            )


def _check_closed(home: Home, storage: Storage, change: Change, listed: Mapping[str, Held]) -> None:
    """Raise `ConflictError` if a file has come to a folder of which a change must see every row.

    Args:
        home: The dataset.
        storage: The disk.
        change: The change.
        listed: What some folders hold, which are not listed again.
    """
    for folder in change.requirement.closed:
        held = listed[folder].content if folder in listed else _walk(home, storage, folder)
        for below, kind in held:
            path = posixpath.join(folder, below)
            is_data = kind != "folder" and is_data_file(posixpath.basename(path))
            if is_data and change.requirement.is_broken_by(path):
                raise ConflictError(
                    f"{home.root}/{path} came while {change.operation} was planned, which must see "
                    "every row of its partition. Nothing was changed; plan again and retry.",
                    path=path,
                )


def _walk(home: Home, storage: Storage, folder: str) -> list[tuple[str, str]]:
    try:
        return list(walk(storage, f"{home.root}/{folder}".rstrip("/")))
    except NotFoundError:
        return []


def _assemble(
    home: Home,
    storage: Storage,
    staging: Staging,
    change: Change,
    folders: Mapping[str, Held],
    version: int,
) -> tuple[CommitRecord, list[str]]:
    """Return the record of a change, and the files and folders that are to be synced before it."""
    built = assemble(home, storage, staging, change, folders)
    stands = {new.path: built.moved.get(new.path, new.source) for new in change.add}
    needed = [*stands.values(), *built.made]
    record = CommitRecord(
        version=version,
        operation=change.operation,
        parameters=dict(change.parameters),
        time=log.now(),
        author=log.author(),
        base_version=change.base_version,
        swaps=built.swaps,
        staging=staging.name if needed else uuid.uuid4().hex[:12],  # a folder that nobody has
        added=tuple(
            AddedFile(f.path, staging.relative(stands[f.path]), f.rows, f.bytes, f.checksum)
            for f in change.add
        ),
        retired=tuple(RetiredFile(f.path, f.bytes, f.mtime_ns, f.inode) for f in change.retire),
    )
    return record, [*needed, staging.folder, home.staging] if needed else []


def _record(
    home: Home, storage: Storage, staging: Staging, record: CommitRecord, unsynced: list[str]
) -> None:
    staging.is_needed = True
    try:
        log.write_pending(home, storage, record, unsynced)
    except ParquetryError as error:
        try:
            log.forget_pending(home, storage, record.version)
        except ParquetryError:
            error.outcome = "unknown"
            error.message += (
                " Whether the change was recorded is not known; open the dataset to see."
            )
        else:
            staging.is_needed = False
        raise


def _finish(home: Home, storage: Storage, record: CommitRecord) -> None:
    try:
        finish(home, storage, record)
    except ParquetryError as error:
        if error.outcome == "unchanged":
            error.outcome = "changed"
            error.message += (
                f" Commit {record.version} is recorded and will be completed when the dataset is next "
                "opened."
            )
        raise
