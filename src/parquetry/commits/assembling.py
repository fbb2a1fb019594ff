"""The next state of folders, built aside from hard links and new files."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.commits.many import for_each
from parquetry.errors import ConflictError, NotFoundError
from parquetry.model.changes import below, covering_folder
from parquetry.model.records import Swap
from parquetry.storage.folders import find_stat, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.model.changes import Change
    from parquetry.storage.protocol import Storage

_A_FOLDER = 10  # making and removing a folder costs as much as linking so many files
_ALWAYS = 1000  # links, or a hundred folders: some ten milliseconds
_PER_RETIRED = 20  # linking so many files costs less than rewriting one
_PER_ADDED = 10  # or writing a small one


def folders_to_exchange(home: Home, storage: Storage, change: Change) -> list[str]:
    """Return the folders, relative to the dataset, that are exchanged to make a change visible.

    That is the smallest folder which covers all that is touched, so that nobody sees a part of the
    change. If it holds so much that linking it would cost more than the change, each touched partition
    is exchanged by itself, so that nobody sees a part of what happens in one partition. None if files
    only come, for these are links, or if a partition holds too many files as well.
    """
    if not change.retire and len(change.add) <= 1:
        return []  # one link, which is atomic by itself
    limit = _ALWAYS + _PER_RETIRED * len(change.retire) + _PER_ADDED * len(change.add)
    paths = [file.path for file in change.retire] + [file.path for file in change.add]
    covers = [covering_folder(paths)]
    if _is_cheap(home, storage, covers, limit):
        return covers
    if not change.retire:
        return []
    folders = _outermost({posixpath.dirname(path) for path in paths})
    return folders if _is_cheap(home, storage, folders, limit) else []


def _is_cheap(home: Home, storage: Storage, folders: Sequence[str], limit: int) -> bool:
    """Return whether assembling these folders costs no more than so many links."""
    live = [f"{home.root}/{folder}".rstrip("/") for folder in folders]
    held = _A_FOLDER * len(live)
    level = [folder for folder in live if find_stat(storage, folder) is not None]
    # level by level, which meets the many folders of a large one soon
    while level and held <= limit:
        inner: list[str] = []
        for folder in level:
            found = storage.list_folder(folder)
            inner += [f"{folder}/{name}" for name, kind in found if kind == "folder"]
            held += sum(_A_FOLDER if kind == "folder" else 1 for _, kind in found)
            if held > limit:
                return False
        level = inner
    return held <= limit


def _outermost(folders: set[str]) -> list[str]:
    """Return the folders that are in none of the others."""
    return sorted(one for one in folders if not folders & {"", *_ancestors([one])} - {one})


def assemble(
    home: Home, storage: Storage, staging: Staging, change: Change, folders: Sequence[str]
) -> tuple[tuple[Swap, ...], list[str]]:
    """Build folders as they will be; return what is to be exchanged, and what is to be synced."""
    if not folders:
        return (), []
    made: list[str] = []
    live = {folder: f"{home.root}/{folder}".rstrip("/") for folder in folders}
    trees = {folder: f"tree{number}" for number, folder in enumerate(folders)}
    before = {folder: find_stat(storage, live[folder]) for folder in folders}
    gone = _by_folder((file.path for file in change.retire), folders)
    for folder in folders:
        tree = staging.tree(trees[folder])
        if before[folder] is None:
            storage.make_folder(tree)
            made.append(tree)
        else:
            left = {below(folder, path) for path in gone[folder]}
            made += _link_what_stays(storage, live[folder], tree, left, change.operation)
    targets: dict[str, list[tuple[str, str]]] = {}
    sources = {new.path: new.source for new in change.add}
    for folder, paths in _by_folder(sources, folders).items():
        tree = staging.tree(trees[folder])
        for path in paths:
            target = f"{tree}/{below(folder, path)}"
            targets.setdefault(target.rpartition("/")[0], []).append((sources[path], target))
    made += _make_missing(storage, targets, made)
    _place(storage, targets)
    swaps = tuple(
        Swap(
            folder,
            trees[folder],
            None if (facts := before[folder]) is None else facts.inode,
            storage.stat(staging.tree(trees[folder])).inode,
        )
        for folder in folders
    )
    return swaps, made


def _by_folder(paths: Iterable[str], folders: Sequence[str]) -> dict[str, list[str]]:
    """Return relative paths by the one of the folders that they stand in."""
    found: dict[str, list[str]] = {folder: [] for folder in folders}
    for path in paths:
        folder = posixpath.dirname(path)
        while folder not in found:
            folder = posixpath.dirname(folder)
        found[folder].append(path)
    return found


def _make_missing(storage: Storage, wanted: Iterable[str], there: Collection[str]) -> list[str]:
    """Make folders of trees, and those above them, that are not there yet; return them."""
    known = set(there)
    made: list[str] = []
    for folder in wanted:
        chain, at = [], folder
        while at not in known:
            known.add(at)
            chain.append(at)
            at = at.rpartition("/")[0]
        made += reversed(chain)
    for folder in made:
        storage.make_folder(folder)
    return made


def _place(storage: Storage, targets: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Link files to where they belong, by folder."""

    def place(folder: str) -> None:
        for source, target in targets[folder]:
            storage.link(source, target)

    for_each(place, list(targets))


def _link_what_stays(
    storage: Storage, live: str, tree: str, gone: set[str], operation: str
) -> list[str]:
    """Give all files but some of a folder a second name in a new tree, and return its folders."""
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
                f"{live}/{path} was removed while {operation} was being committed. "
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
