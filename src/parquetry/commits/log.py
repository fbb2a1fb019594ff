"""The log of a dataset: one file a commit, `.pending` until the commit is finished."""

from __future__ import annotations

import getpass
import socket
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from parquetry.commits.staging import new_draft
from parquetry.errors import NotFoundError, ParquetryError
from parquetry.model.records import CommitRecord
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_SEALED = ".json"
_PENDING = ".pending"


def record_name(version: int) -> str:
    """Return the file name of a version, without its ending."""
    return f"{version:08d}"


def versions(home: Home, storage: Storage) -> list[int]:
    """Return the versions of all finished commits, ascending."""
    return _numbers(_names(home, storage), _SEALED)


def latest_version(home: Home, storage: Storage) -> int:
    """Return the version of the last finished commit, 0 if there is none."""
    return max(versions(home, storage), default=0)


def find_pending(home: Home, storage: Storage) -> CommitRecord | None:
    """Return the commit that was recorded but not finished, if there is one."""
    return find_latest(home, storage)[1]


def find_latest(home: Home, storage: Storage) -> tuple[int, CommitRecord | None]:
    """Return the version of the last finished commit, and the commit that was not, if there is one."""
    names = _names(home, storage)
    pending = _numbers(names, _PENDING)
    record = _read(home, storage, pending[0], _PENDING) if pending else None
    return max(_numbers(names, _SEALED), default=0), record


def read_record(home: Home, storage: Storage, version: int) -> CommitRecord:
    """Return the record of a finished commit."""
    return _read(home, storage, version, _SEALED)


def read_records(home: Home, storage: Storage, after: int = 0) -> list[CommitRecord]:
    """Return the finished commits after a version, oldest first."""
    return [read_record(home, storage, v) for v in versions(home, storage) if v > after]


def write_pending(
    home: Home, storage: Storage, record: CommitRecord, unsynced: Sequence[str]
) -> None:
    """Record a commit durably: from here on it is true, whatever happens.

    The record gets its name in the log only when its bytes are safe, and all that it speaks of, so
    there is no torn record and none that promises too much.

    Args:
        home: The dataset.
        storage: The disk.
        record: The record.
        unsynced: The staged files and folders that the record needs.
    """
    draft = new_draft(home)
    try:
        write_file(storage, draft, record.to_json())
        storage.sync_all([*unsynced, draft])
        storage.move(draft, _path(home, record.version, _PENDING))
    except ParquetryError:
        with suppress(ParquetryError):  # what is left is swept later
            storage.unlink(draft)
        raise
    storage.sync(home.log)


def forget_pending(home: Home, storage: Storage, version: int) -> None:
    """Take back a record that could not be made durable."""
    try:
        storage.unlink(_path(home, version, _PENDING))
    except NotFoundError:
        return
    storage.sync(home.log)


def seal(home: Home, storage: Storage, version: int) -> None:
    """Mark a commit as finished.

    That is not synced: a mark that a loss of power takes away is set again by the recovery, which finds
    everything done.
    """
    storage.rename(_path(home, version, _PENDING), _path(home, version, _SEALED))


def now() -> str:
    """Return the present moment, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@cache
def author() -> str:
    """Return who is working: `user@host`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _path(home: Home, version: int, ending: str) -> str:
    return f"{home.log}/{record_name(version)}{ending}"


def _read(home: Home, storage: Storage, version: int, ending: str) -> CommitRecord:
    path = _path(home, version, ending)
    return CommitRecord.from_json(storage.read_bytes(path), path)


def _names(home: Home, storage: Storage) -> list[str]:
    try:
        return [name for name, _ in storage.list_folder(home.log)]
    except NotFoundError:
        return []


def _numbers(names: Sequence[str], ending: str) -> list[int]:
    stems = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    return sorted([int(stem) for stem in stems if stem.isdigit()])
