"""The next state of folders, built aside from hard links and new files."""

from __future__ import annotations

import posixpath
import sys
from typing import TYPE_CHECKING, NamedTuple

from parquetry.commits.many import for_each
from parquetry.errors import ConflictError, NotFoundError
from parquetry.model.changes import ancestors, below, covering_folder, holder_of
from parquetry.model.records import Swap
from parquetry.storage.folders import find_stat, make_missing

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


class Held(NamedTuple):
    """A folder that will be exchanged: its inode, None if it does not exist, and all that it holds."""

    inode: int | None
    content: list[tuple[str, str]]
    """Relative path and kind, folders before what is in them."""


class Assembled(NamedTuple):
    """What was built aside.

    Args:
        swaps: What is to be exchanged.
        made: The new folders, which are to be synced.
        moved: Where the new files stand now, by the place where they will.
    """

    swaps: tuple[Swap, ...]
    made: list[str]
    moved: dict[str, str]


def folders_to_exchange(home: Home, storage: Storage, change: Change) -> dict[str, Held]:
    """Return the folders, relative to the dataset, that are exchanged to make a change visible.

    That is the smallest folder which covers all that is touched, so that nobody sees a part of the
    change. If it holds so much that linking it would cost more than the change, each touched partition
    is exchanged by itself, so that nobody sees a part of what happens in one partition. None if files
    only come, for these are links, or if a partition holds too many files as well; and none for a single
    file that comes or goes.
    """
    if len(change.retire) + len(change.add) <= 1:
        return {}  # one name comes or goes, which is atomic by itself
    limit = _ALWAYS + _PER_RETIRED * len(change.retire) + _PER_ADDED * len(change.add)
    paths = [file.path for file in change.retire] + [file.path for file in change.add]
    found = _find_cheap(home, storage, [covering_folder(paths)], limit)
    if found is not None or not change.retire:
        return found or {}
    folders = _outermost({posixpath.dirname(path) for path in paths})
    return _find_cheap(home, storage, folders, limit) or {}


def _find_cheap(
    home: Home, storage: Storage, folders: Sequence[str], limit: int
) -> dict[str, Held] | None:
    """Return what folders hold, None if assembling them costs more than so many links."""
    found: dict[str, Held] = {}
    cost = _A_FOLDER * len(folders)
    level: list[tuple[str, str]] = []
    for folder in folders:
        facts = find_stat(storage, f"{home.root}/{folder}".rstrip("/"))
        found[folder] = Held(None if facts is None else facts.inode, [])
        if facts is not None:
            level.append((folder, ""))
    # level by level, which meets the many folders of a large one soon
    while level and cost <= limit:
        inner: list[tuple[str, str]] = []
        for folder, at in level:
            entries = storage.list_folder(posixpath.join(home.root, folder, at).rstrip("/"))
            held = [(f"{at}/{name}" if at else name, kind) for name, kind in entries]
            found[folder].content.extend(held)
            inner += [(folder, path) for path, kind in held if kind == "folder"]
            cost += sum(_A_FOLDER if kind == "folder" else 1 for _, kind in held)
            if cost > limit:
                return None
        if _hold_more(storage, [posixpath.join(home.root, *one) for one in inner], limit - cost):
            return None
        level = inner
    return found if cost <= limit else None


def _hold_more(storage: Storage, folders: Iterable[str], limit: int) -> bool:
    """Whether it is seen without listing them that folders hold folders that cost more than a limit.

    A folder of Linux has a name in each folder that it holds, besides its own two; not all file systems
    count them.
    """
    if not sys.platform.startswith("linux"):
        return False
    for folder in folders:
        limit -= _A_FOLDER * max(0, storage.stat(folder).links - 2)
        if limit < 0:
            return True
    return False


def _outermost(folders: set[str]) -> list[str]:
    """Return the folders that are in none of the others."""
    return sorted(one for one in folders if not folders & {"", *ancestors([one])} - {one})


def assemble(
    home: Home, storage: Storage, staging: Staging, change: Change, folders: Mapping[str, Held]
) -> Assembled:
    """Build folders as they will be: links to what stays, and the new files themselves."""
    if not folders:
        return Assembled((), [], {})
    made: list[str] = []
    grown = staging.grown if set(folders) == {""} else None
    trees = {folder: grown.root if grown else staging.new_tree() for folder in folders}
    gone = _by_folder((file.path for file in change.retire), folders)
    added = _by_folder((new.path for new in change.add), folders)
    for folder, held in folders.items():
        tree = trees[folder]
        if grown is not None:
            made += [tree, *(f"{tree}/{path}" for path in sorted(grown.folders - {""}))]
        elif held.inode is None:
            storage.make_folder(tree)
            made.append(tree)
        if held.inode is not None:
            left = {below(folder, path) for path in gone[folder]}
            live = f"{home.root}/{folder}".rstrip("/")
            come = {below(folder, path) for path in added[folder]}
            stays = _Staying(held.content, left, come)
            made += _link_what_stays(storage, live, tree, stays, change.operation, made)
    moved = {
        path: f"{trees[folder]}/{below(folder, path)}"
        for folder, paths in added.items()
        for path in paths
    }
    missing = {target.rpartition("/")[0] for target in moved.values()}
    made += make_missing(storage, sorted(missing), made)
    moves = [(n.source, moved[n.path]) for n in change.add if n.source != moved[n.path]]
    for_each(lambda move: storage.move(*move), moves)
    swaps = tuple(
        Swap(folder, staging.relative(tree), folders[folder].inode, storage.stat(tree).inode)
        for folder, tree in trees.items()
    )
    return Assembled(swaps, made, moved)


def _by_folder(paths: Iterable[str], folders: Collection[str]) -> dict[str, list[str]]:
    """Return relative paths by the one of the folders that they stand in."""
    found: dict[str, list[str]] = {folder: [] for folder in folders}
    for path in paths:
        found[holder_of(found, path)].append(path)
    return found


class _Staying:
    """What of a folder is in its next state as well: the files that do not go, and their folders.

    Args:
        content: All that it holds.
        gone: The files that go.
        come: The files that come; their folders keep their rights.
    """

    def __init__(self, content: Iterable[tuple[str, str]], gone: set[str], come: set[str]) -> None:
        held = list(content)
        self.files = [item for item in held if item[1] != "folder" and item[0] not in gone]
        emptied = ancestors(gone) - ancestors(path for path, _ in self.files) - ancestors(come)
        self.folders = [path for path, kind in held if kind == "folder" and path not in emptied]


def _link_what_stays(
    storage: Storage,
    live: str,
    tree: str,
    stays: _Staying,
    operation: str,
    there: Collection[str],
) -> list[str]:
    """Give the files that stay a second name in a tree; return the folders that were made for it."""
    wanted = {tree: live} | {f"{tree}/{path}": f"{live}/{path}" for path in stays.folders}
    known = set(there)
    made = [folder for folder in wanted if folder not in known]
    try:
        for folder in made:
            storage.make_folder(folder, like=wanted[folder])
        for path, kind in stays.files:
            _second_name(storage, f"{live}/{path}", f"{tree}/{path}", kind)
    except NotFoundError as error:
        path = (error.path or tree).replace(tree, live, 1)
        raise ConflictError(
            f"{path} was removed while {operation} was being committed. "
            "Nothing was changed; plan again and retry.",
            path=path,
        ) from error
    return made


def _second_name(storage: Storage, source: str, target: str, kind: str) -> None:
    if kind == "link":
        storage.make_link(storage.read_link(source), target)
    else:
        storage.link(source, target)
