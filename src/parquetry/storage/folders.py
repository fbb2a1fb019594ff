"""Small compositions of storage calls that every floor above needs."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.errors import AlreadyExistsError, NotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parquetry.storage.protocol import Stat, Storage


def find_stat(storage: Storage, path: str) -> Stat | None:
    """Return the facts of a path, or None if nothing stands there."""
    try:
        return storage.stat(path)
    except NotFoundError:
        return None


def make_folders(storage: Storage, path: str) -> list[str]:
    """Make a folder and the missing ones above it; return those that were made, topmost first."""
    if find_stat(storage, path) is not None:
        return []
    made = make_folders(storage, posixpath.dirname(path))
    try:
        storage.make_folder(path)
    except AlreadyExistsError:  # another process was faster
        return made
    return [*made, path]


def make_missing(storage: Storage, wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    """Make folders, and those above them up to some that are there; none is asked for twice.

    Returns:
        All that were missing, or were made by an earlier attempt, each after the one above it.
    """
    known = set(there)
    missing: list[str] = []
    for folder in wanted:
        chain, at = [], folder
        while at not in known:
            known.add(at)
            chain.append(at)
            at = at.rpartition("/")[0]
        missing += reversed(chain)
    for folder in missing:
        with suppress(AlreadyExistsError):
            storage.make_folder(folder)
    return missing


def walk_files(storage: Storage, root: str) -> Iterator[tuple[str, str]]:
    """Yield relative path and kind of everything below `root` that is not a folder."""
    for relative, kind in walk(storage, root):
        if kind != "folder":
            yield relative, kind


def walk(storage: Storage, root: str, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield relative path and kind of everything below `root`, a folder before its content."""
    for name, kind in storage.list_folder(f"{root}/{below}" if below else root):
        relative = f"{below}/{name}" if below else name
        yield relative, kind
        if kind == "folder":
            yield from walk(storage, root, relative)


def remove_tree(storage: Storage, path: str) -> None:
    """Remove a folder of our own and everything in it; nothing happens if it is not there."""
    if find_stat(storage, path) is None:
        return
    folders = [path]
    for relative, kind in list(walk(storage, path)):
        if kind == "folder":
            folders.append(f"{path}/{relative}")
        else:
            storage.unlink(f"{path}/{relative}")
    for folder in reversed(folders):
        storage.remove_folder(folder)


def unlink_if(storage: Storage, path: str, inode: int) -> bool:
    """Remove a file; False if it has gone, or its name is another's now."""
    facts = find_stat(storage, path)
    if facts is None or facts.inode != inode:
        return False
    storage.unlink(path)
    return True


def remove_if_empty(storage: Storage, path: str, *, is_listed: bool = False) -> bool:
    """Remove a folder unless it holds something; return whether it is gone.

    Args:
        storage: The disk.
        path: The folder.
        is_listed: Whether the caller has just seen all that it holds go, so that it is not listed first.
    """
    try:
        if not is_listed and storage.list_folder(path):
            return False
        storage.remove_folder(path)
    except NotFoundError:
        return True
    except StorageError:
        if storage.list_folder(path):  # something came between the look and the removal
            return False
        raise
    return True


def write_file(storage: Storage, path: str, content: bytes | memoryview) -> None:
    """Write a new file; it is not durable before it is synced."""
    with storage.create(path) as file:
        file.write(content)
