"""One new file, atomically, without the log: thousands of writers may do this at once."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, ParquetryError, StorageError
from parquetry.storage.folders import make_folders

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 1000  # a folder can be exchanged or removed under our feet; never this often


def place(home: Home, storage: Storage, source: str, path: str) -> list[str]:
    """Move a staged, synced file to its place in the dataset; return the folders that are to be synced.

    **Guarantees:** readers see the file whole or not at all. If a commit exchanges the folder at this
    very moment the file is carried over or the placing is tried again.

    Raises:
        AlreadyExistsError: A file stands at this path.
        StorageError: The disk refused.
    """
    target = f"{home.root}/{path}"
    folder = posixpath.dirname(target)
    storage.stat(source)  # so that what is missing below is the folder
    dirty: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            dirty += [posixpath.dirname(made) for made in make_folders(storage, folder)]
            storage.move(source, target)
        except NotFoundError:
            continue
        return [*dirty, folder]
    raise StorageError(
        f"Could not place {target}: its folder vanished {_ATTEMPTS} times while this was tried. "
        "Nothing was added. Look for a process that removes folders there.",
        path=target,
    )


def sync_placed(storage: Storage, folders: list[str]) -> None:
    """Make placed files survive a loss of power."""
    try:
        storage.sync_all(sorted(set(folders)))
    except ParquetryError as error:
        error.outcome = "unknown"
        error.message += " The new files can be read, but may be gone after a loss of power."
        raise
