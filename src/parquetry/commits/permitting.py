"""Whether this user may do all that a change takes: asked before it is recorded."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.errors import StorageError
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.assembling import Held
    from parquetry.commits.home import Home
    from parquetry.model.changes import Change
    from parquetry.storage.protocol import Storage


def check_permitted(
    home: Home, storage: Storage, change: Change, exchanged: Mapping[str, Held]
) -> None:
    """Raise `StorageError` if names are to come or go in a folder that this user may not change.

    **Cost:** one look at each such folder, and at each folder in those that are exchanged.
    """
    folders = _exchanged(home, exchanged) if exchanged else _touched(home, change)
    if change.retire:
        folders.add(home.history)
    for folder in sorted(folders):
        denied = _find_denied(storage, folder)
        if denied is not None:
            raise StorageError(
                f"Could not commit {change.operation} to {home.root}: this user may not write in "
                f"{denied}. Nothing was changed. Check the owner and the permissions of the folder.",
                path=denied,
            )


def _touched(home: Home, change: Change) -> set[str]:
    """Return the folders in which single names come and go."""
    paths = [file.path for file in change.add] + [file.path for file in change.retire]
    return {posixpath.dirname(f"{home.root}/{path}") for path in paths}


def _exchanged(home: Home, exchanged: Mapping[str, Held]) -> set[str]:
    """Return the folders above those that are exchanged, and all that are taken apart afterwards."""
    found = set()
    for folder, held in exchanged.items():
        live = f"{home.root}/{folder}".rstrip("/")
        found.add(posixpath.dirname(live))
        if held.inode is not None:
            found |= {live, *(f"{live}/{path}" for path, kind in held.content if kind == "folder")}
    return found


def _find_denied(storage: Storage, folder: str) -> str | None:
    """Return the folder if it must not be changed; of one that is missing, the first one above it."""
    while not storage.may_change(folder):
        if find_stat(storage, folder) is not None:
            return folder
        folder = posixpath.dirname(folder)
    return None
