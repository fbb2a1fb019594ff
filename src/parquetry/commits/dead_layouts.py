"""What is left of replicas that nobody uses: whole folders, and files that no manifest mentions.

A replica's folder holds `manifest.json`, which names the files that it is made of; whoever writes
there holds the folder's `owner` file locked. Without a manifest the folder is that of a replica that
was retired, or of one that is being made: then its process lives, or has died and will be followed by
another that goes on where it stopped.
"""

from __future__ import annotations

import json
import posixpath
import time
from typing import TYPE_CHECKING

from parquetry.commits.owning import OWNER
from parquetry.errors import NotFoundError
from parquetry.storage.folders import find_stat, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"  # the notes of who makes a replica, for whoever goes on
_UNFINISHED_NS = 86_400_000_000_000  # after a day nobody goes on any more


def find_layouts(home: Home, storage: Storage) -> list[str]:
    """Return the folders of a dataset's replicas, sorted."""
    try:
        entries = storage.list_folder(home.layouts)
    except NotFoundError:
        return []
    return sorted(f"{home.layouts}/{name}" for name, kind in entries if kind == "folder")


def dead_layouts(home: Home, storage: Storage) -> list[str]:
    """Return the folders, and the single files, that no replica needs: absolute paths."""
    return [path for folder in find_layouts(home, storage) for path in _dead_below(storage, folder)]


def remove_dead_layouts(home: Home, storage: Storage) -> None:
    """Remove what no replica needs, unless somebody works there at this moment."""
    for folder in find_layouts(home, storage):
        try:
            with storage.lock(f"{folder}/{OWNER}", wait=False) as is_free:
                if is_free:
                    _remove(storage, folder)
        except NotFoundError:
            continue  # somebody else has removed it


def _remove(storage: Storage, folder: str) -> None:
    for path in list(_dead_in(storage, folder)):
        if path == folder:
            remove_tree(storage, folder)
        else:
            storage.unlink(path)


def _dead_below(storage: Storage, folder: str) -> list[str]:
    try:
        if find_stat(storage, f"{folder}/{OWNER}") is None:
            return list(_dead_in(storage, folder))
        with storage.lock(f"{folder}/{OWNER}", wait=False) as is_free:
            return list(_dead_in(storage, folder)) if is_free else []
    except NotFoundError:
        return []


def _dead_in(storage: Storage, folder: str) -> Iterator[str]:
    """Yield what is dead in a folder that nobody works in: itself, or files of it."""
    notes = find_stat(storage, f"{folder}/{UNFINISHED}")
    if notes is not None and time.time_ns() - notes.mtime_ns < _UNFINISHED_NS:
        return
    try:
        content = storage.read_bytes(f"{folder}/{MANIFEST}")
    except NotFoundError:
        yield folder
        return
    try:
        needed = {MANIFEST, OWNER, *map(posixpath.basename, json.loads(content)["files"])}
    except (ValueError, KeyError, TypeError):
        yield folder  # nobody can read it, so nobody uses it
        return
    for name, kind in storage.list_folder(folder):
        if name not in needed and kind == "file":
            yield f"{folder}/{name}"
