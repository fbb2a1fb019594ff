"""Folders that belong to a living process: held by a lock that dies with it, and removed when it has."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.folders import find_stat, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.storage.protocol import Storage

OWNER = "owner"  # the file that a living owner holds locked
_ATTEMPTS = 100  # of locking a new folder before somebody who sweeps takes it for a dead one's


@contextmanager
def owned_folder(storage: Storage, parent: str) -> Iterator[str]:
    """Make a folder with a name of its own, and hold it while the block runs; removing it is yours.

    Between the making of the lock file and its locking, somebody who sweeps can be faster: he holds
    the lock then until the folder is gone, and the next one is tried.
    """
    for _ in range(_ATTEMPTS):
        folder = f"{parent}/{uuid.uuid4().hex[:12]}"
        storage.make_folder(folder)
        with storage.lock(f"{folder}/{OWNER}"):
            if find_stat(storage, f"{folder}/{OWNER}") is not None:
                yield folder
                return
    raise StorageError(
        f"Could not hold a folder of its own in {parent}: {_ATTEMPTS} were swept away at once. "
        "Nothing was changed. Look for a process that removes what stands there.",
        path=parent,
    )


def abandoned(storage: Storage, parent: str) -> list[str]:
    """Return the folders below `parent` whose owner is dead."""
    try:
        names = [name for name, kind in storage.list_folder(parent) if kind == "folder"]
    except NotFoundError:
        return []
    return [folder for name in sorted(names) if _is_dead(storage, folder := f"{parent}/{name}")]


def remove_abandoned(storage: Storage, folder: str) -> None:
    """Remove a folder if its owner is dead; it is held while it is removed, so that nobody owns it."""
    owner = f"{folder}/{OWNER}"
    if find_stat(storage, owner) is None:
        return  # just being made, or just being removed
    try:
        with storage.lock(owner, wait=False) as is_free:
            if is_free:
                remove_tree(storage, folder)
    except NotFoundError:
        return  # its owner was faster


def _is_dead(storage: Storage, folder: str) -> bool:
    owner = f"{folder}/{OWNER}"
    if find_stat(storage, owner) is None:
        return False
    try:
        with storage.lock(owner, wait=False) as is_free:
            return is_free
    except NotFoundError:
        return False
