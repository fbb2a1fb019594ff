"""The next state of a folder, built aside from hard links and new files."""

from __future__ import annotations

import posixpath
from itertools import islice
from typing import TYPE_CHECKING

from parquetry.commits.many import for_each
from parquetry.errors import ConflictError, NotFoundError
from parquetry.model.changes import below, covering_folder
from parquetry.storage.folders import find_stat, make_folders, walk, walk_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import Change
    from parquetry.model.records import Approach
    from parquetry.storage.protocol import Stat, Storage

_ALWAYS_LINKED = 1000  # files: some ten milliseconds
_LINKED_PER_CHANGE = 20  # linking twenty files costs less than rewriting one


def cover_of(change: Change) -> str:
    """Return the smallest folder, relative to the dataset, that covers everything a change touches."""
    paths = [file.path for file in change.retire] + [file.path for file in change.add]
    return covering_folder(paths) if paths else ""


def choose_approach(home: Home, storage: Storage, change: Change) -> Approach:
    """Return how a change becomes visible.

    One new file is one link, which is atomic by itself. Otherwise the covering folder is exchanged,
    unless it holds so many files that linking them costs more than the change.
    """
    if not change.retire and len(change.add) <= 1:
        return "renames"
    limit = _ALWAYS_LINKED + _LINKED_PER_CHANGE * (len(change.retire) + len(change.add))
    live = f"{home.root}/{cover_of(change)}".rstrip("/")
    if find_stat(storage, live) is None:
        return "exchange"
    held = sum(1 for _ in islice(walk_files(storage, live), limit + 1))
    return "exchange" if held <= limit else "renames"


def assemble(home: Home, storage: Storage, staging: Staging, change: Change) -> Stat:
    """Build the covering folder as it will be, durably, and return the facts of it."""
    cover = cover_of(change)
    live = f"{home.root}/{cover}".rstrip("/")
    if find_stat(storage, live) is None:
        storage.make_folder(staging.tree)
        folders = [staging.tree]
    else:
        folders = _link_what_stays(storage, live, cover, staging.tree, change)
    targets: dict[str, list[tuple[str, str]]] = {}
    for new in change.add:
        target = posixpath.join(staging.tree, below(cover, new.path))
        targets.setdefault(posixpath.dirname(target), []).append((new.source, target))

    def place(folder: str) -> list[str]:
        made = make_folders(storage, folder)
        for source, target in targets[folder]:
            storage.link(source, target)
        return made

    for made in for_each(place, list(targets)):
        folders += made
    storage.sync_all([*folders, staging.folder])
    return storage.stat(staging.tree)


def _link_what_stays(
    storage: Storage, live: str, cover: str, tree: str, change: Change
) -> list[str]:
    gone = {below(cover, file.path) for file in change.retire}
    found = list(walk(storage, live))
    kept = [(path, kind) for path, kind in found if kind != "folder" and path not in gone]
    emptied = _ancestors(gone) - _ancestors(path for path, _ in kept)
    storage.make_folder(tree, like=live)
    made = [tree]
    for path, kind in found:
        if kind == "folder" and path not in emptied:
            storage.make_folder(f"{tree}/{path}", like=f"{live}/{path}")
            made.append(f"{tree}/{path}")
    for path, kind in kept:
        try:
            _second_name(storage, f"{live}/{path}", f"{tree}/{path}", kind)
        except NotFoundError as error:
            raise ConflictError(
                f"{live}/{path} was removed while {change.operation} was being committed. "
                "Nothing was changed; plan again and retry.",
                path=path,
            ) from error
    return made


def _second_name(storage: Storage, source: str, target: str, kind: str) -> None:
    if kind == "link":
        storage.make_link(storage.read_link(source), target)
    else:
        storage.link(source, target)


def _ancestors(paths: Iterable[str]) -> set[str]:
    """Return all folders above the given relative paths, without the root."""
    above: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path)
        while folder and folder not in above:
            above.add(folder)
            folder = posixpath.dirname(folder)
    return above
