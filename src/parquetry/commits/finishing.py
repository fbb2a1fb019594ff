"""Completing a recorded commit: after the record this is the only way on, and it can be repeated.

The same steps are the normal end of a commit and the recovery after a crash. Each looks at what is on
the disk and does what is missing, so it does not matter where the last attempt stopped.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.commits import log
from parquetry.commits.dissolving import OldTree
from parquetry.commits.retiring import keep_history
from parquetry.errors import AlreadyExistsError, CorruptionError, NotFoundError, StorageError
from parquetry.model.changes import ancestors, below, holder_of
from parquetry.storage.exchange import ExchangeUnsupportedError
from parquetry.storage.folders import (
    find_stat,
    make_folders,
    remove_if_empty,
    remove_tree,
    unlink_if,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.home import Home
    from parquetry.model.records import CommitRecord, Swap
    from parquetry.storage.protocol import Storage


def recover(home: Home, storage: Storage) -> int:
    """Finish what a crash left, and return the last version; call it with the dataset locked."""
    latest, record = log.find_latest(home, storage)
    if record is None:
        return latest
    finish(home, storage, record)
    remove_tree(storage, f"{home.staging}/{record.staging}")
    return record.version


def finish(home: Home, storage: Storage, record: CommitRecord) -> None:
    """Bring the folder to the state that the record says, keep what left it, and seal the record."""
    if record.swaps:
        _finish_exchange(home, storage, record)
    else:
        _finish_renames(home, storage, record)
    log.seal(home, storage, record.version)


def _finish_exchange(home: Home, storage: Storage, record: CommitRecord) -> None:
    staging = f"{home.staging}/{record.staging}"
    exchanged = [_exchange(home, storage, swap, staging) for swap in record.swaps]
    if not all(exchanged):
        _finish_renames(home, storage, record)

    by_folder = {swap.folder: swap for swap in record.swaps}
    old = {file.path: by_folder[holder_of(by_folder, file.path)] for file in record.retired}

    def stands_at(path: str) -> str:
        return f"{staging}/{old[path].tree}/{below(old[path].folder, path)}"

    unsynced = keep_history(home, storage, record, stands_at)
    if all(exchanged):
        for swap in record.swaps:
            _remove_empty(home, storage, swap.folder)
        new = [swap.folder for swap in record.swaps if swap.before_inode is None]
        changed = {swap.folder for swap in record.swaps} | ancestors(new)  # some made with them
        places = [f"{home.root}/{folder}".rstrip("/") for folder in changed]
        unsynced |= {_lowest_left(home, storage, place) for place in places}
        if find_stat(storage, staging) is not None:  # else an earlier attempt has removed it
            unsynced.add(staging)
    storage.sync_all(sorted(unsynced))
    # only now, so that no old file goes before its place in the history and the new state are safe
    retired: dict[str, dict[str, int]] = {swap.folder: {} for swap in record.swaps}
    for file in record.retired:
        folder = old[file.path].folder
        retired[folder][below(folder, file.path)] = file.inode
    for swap in record.swaps:
        _dissolve(home, storage, record, swap, retired[swap.folder])


def _live(home: Home, swap: Swap) -> str:
    return posixpath.join(home.root, swap.folder).rstrip("/")


def _exchange(home: Home, storage: Storage, swap: Swap, staging: str) -> bool:
    """Put the assembled tree in its place; False if that has to be done file by file.

    That is so where the system has no such call, and where the live folder is neither the one that was
    planned nor its successor, because it was emptied, moved or replaced in the meantime.
    """
    live, tree = _live(home, swap), f"{staging}/{swap.tree}"
    now, aside = find_stat(storage, live), find_stat(storage, tree)
    if aside is None or aside.inode == swap.before_inode:
        return True  # exchanged by an earlier attempt, which may also have taken it apart
    if now is not None and now.inode == swap.after_inode:
        return True
    if swap.before_inode is None and now is None:
        make_folders(storage, posixpath.dirname(live))
        storage.rename(tree, live)
        return True
    if now is None or now.inode != swap.before_inode:
        return False
    try:
        storage.exchange(live, tree)
    except ExchangeUnsupportedError:
        return False
    return True


def _dissolve(
    home: Home, storage: Storage, record: CommitRecord, swap: Swap, retired: Mapping[str, int]
) -> None:
    """Take the old tree apart; what came to it unseen is carried into the live one."""
    tree = f"{home.staging}/{record.staging}/{swap.tree}"
    if not OldTree(storage, tree, _live(home, swap), retired).dissolve():
        raise StorageError(
            f"Commit {record.version} is done, but the old folder {tree} cannot be emptied: files keep "
            "coming to it. The next commit or `parquetry vacuum` goes on.",
            outcome="changed",
            path=tree,
        )


def _finish_renames(home: Home, storage: Storage, record: CommitRecord) -> None:
    unsynced = keep_history(home, storage, record, lambda path: f"{home.root}/{path}")
    folders = {posixpath.dirname(f"{home.root}/{file.path}") for file in record.added}
    made = [new for folder in sorted(folders) for new in make_folders(storage, folder)]
    for file in record.added:
        source = f"{home.staging}/{record.staging}/{file.staged}"
        _link_once(storage, source, f"{home.root}/{file.path}", record)
    storage.sync_all(sorted({*unsynced, *map(posixpath.dirname, made), *folders}))
    for retired in record.retired:
        unlink_if(storage, f"{home.root}/{retired.path}", retired.inode)
    left = sorted({posixpath.dirname(retired.path) for retired in record.retired})
    for folder in left:
        _remove_empty(home, storage, folder)
    places = [f"{home.root}/{folder}/" for folder in left]
    storage.sync_all(sorted({_lowest_left(home, storage, place) for place in places}))


def _link_once(storage: Storage, source: str, target: str, record: CommitRecord) -> None:
    try:
        storage.link(source, target)
    except AlreadyExistsError:
        return  # the name is unique, so it is ours, from an earlier attempt
    except NotFoundError as error:
        if find_stat(storage, target) is None:
            raise CorruptionError(
                f"Commit {record.version} was recorded, but its file {source} is gone. Nothing was "
                "retired. Restore the file from a backup, or remove the record and run it again.",
                outcome="unknown",
                path=source,
            ) from error


def _remove_empty(home: Home, storage: Storage, folder: str) -> None:
    """Remove a partition folder that has become empty, and the empty ones above it.

    An empty folder that this user may not remove stays: it says nothing to readers, and it is no reason
    to leave a commit unfinished.
    """
    while folder:
        path = f"{home.root}/{folder}"
        if not (storage.may_change(posixpath.dirname(path)) and remove_if_empty(storage, path)):
            return
        folder = posixpath.dirname(folder)


def _lowest_left(home: Home, storage: Storage, path: str) -> str:
    """Return the folder above a path that went, or the first one above that which did not go."""
    folder = posixpath.dirname(path).rstrip("/")
    while len(folder) > len(home.root) and find_stat(storage, folder) is None:
        folder = posixpath.dirname(folder)
    return folder
