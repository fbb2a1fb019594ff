"""Completing a recorded commit: after the record this is the only way on, and it can be repeated.

The same steps are the normal end of a commit and the recovery after a crash. Each looks at what is on
the disk and does what is missing, so it does not matter where the last attempt stopped.
"""

from __future__ import annotations

import posixpath
import uuid
from typing import TYPE_CHECKING

from parquetry.commits import log
from parquetry.commits.retiring import keep_history
from parquetry.errors import AlreadyExistsError, CorruptionError, NotFoundError, StorageError
from parquetry.model.changes import below, is_below
from parquetry.storage.exchange import ExchangeUnsupportedError
from parquetry.storage.folders import (
    find_stat,
    make_folders,
    remove_if_empty,
    remove_tree,
    walk,
    walk_files,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.commits.home import Home
    from parquetry.model.records import CommitRecord, Swap
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 100  # of taking an old tree apart while others still add files to it


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
    if all(exchanged):
        parents = {posixpath.dirname(_live(home, swap)) for swap in record.swaps}
        is_there = find_stat(storage, staging) is not None  # or an earlier attempt has removed it
        storage.sync_all([*sorted(parents), *([staging] if is_there else [])])
    else:
        _finish_renames(home, storage, record)

    def old(path: str) -> str:
        swap = next(one for one in record.swaps if is_below(one.folder, path))
        return f"{staging}/{swap.tree}/{below(swap.folder, path)}"

    keep_history(home, storage, record, old)
    for swap in record.swaps:
        _dissolve(home, storage, record, swap)
        _remove_empty(home, storage, swap.folder)


def _live(home: Home, swap: Swap) -> str:
    return posixpath.join(home.root, swap.folder).rstrip("/")


def _exchange(home: Home, storage: Storage, swap: Swap, staging: str) -> bool:
    """Put the assembled tree in its place; False if that has to be done file by file.

    That is so where the system has no such call, and where the live folder is neither the one that was
    planned nor its successor, because it was emptied, moved or replaced in the meantime.
    """
    live, tree = _live(home, swap), f"{staging}/{swap.tree}"
    now = find_stat(storage, live)
    if find_stat(storage, tree) is None:
        return True  # exchanged and taken apart by an earlier attempt
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


def _dissolve(home: Home, storage: Storage, record: CommitRecord, swap: Swap) -> None:
    """Take the old tree apart; what came to it unseen is carried into the live one."""
    tree = f"{home.staging}/{record.staging}/{swap.tree}"
    retired = {file.path: file.inode for file in record.retired}
    for _ in range(_ATTEMPTS):
        if find_stat(storage, tree) is None:
            return
        carried = set()
        for relative, _kind in list(walk_files(storage, tree)):
            path = posixpath.join(swap.folder, relative)
            old = f"{tree}/{relative}"
            facts = find_stat(storage, old)
            if facts is None:
                continue
            if facts.is_link or _is_known(home, storage, path, facts.inode, retired):
                storage.unlink(old)
            else:
                carried.add(_carry_over(storage, old, f"{home.root}/{path}"))
        storage.sync_all(sorted(carried))
        if _remove_folders(storage, tree):
            return
    raise StorageError(
        f"Commit {record.version} is done, but the old folder {tree} cannot be emptied: files keep "
        "coming to it. The next commit or `parquetry vacuum` goes on.",
        outcome="changed",
        path=tree,
    )


def _is_known(
    home: Home, storage: Storage, path: str, inode: int, retired: Mapping[str, int]
) -> bool:
    """Whether a file of the old tree was retired, or stands in the live one as well."""
    if retired.get(path) == inode:
        return True
    now = find_stat(storage, f"{home.root}/{path}")
    return now is not None and now.inode == inode


def _carry_over(storage: Storage, old: str, live: str) -> str:
    """Move a straggler into the live tree and return the folder that has to be synced."""
    folder = posixpath.dirname(live)
    make_folders(storage, folder)
    try:
        storage.link(old, live)
    except AlreadyExistsError:
        stem = live.removesuffix(".parquet")
        storage.link(old, f"{stem}-{uuid.uuid4().hex[:8]}.parquet")
    storage.sync(folder)
    storage.unlink(old)
    return folder


def _remove_folders(storage: Storage, tree: str) -> bool:
    """Remove a tree of empty folders; False if one is not empty after all."""
    folders = [tree, *(f"{tree}/{rel}" for rel, kind in walk(storage, tree) if kind == "folder")]
    return all(remove_if_empty(storage, folder) for folder in reversed(folders))


def _finish_renames(home: Home, storage: Storage, record: CommitRecord) -> None:
    keep_history(home, storage, record, lambda path: f"{home.root}/{path}")
    touched: list[str] = []
    for file in record.added:
        target = f"{home.root}/{file.path}"
        source = f"{home.staging}/{record.staging}/{file.staged}"
        made = make_folders(storage, posixpath.dirname(target))
        touched += [posixpath.dirname(folder) for folder in made] + [posixpath.dirname(target)]
        _link_once(storage, source, target, record)
    storage.sync_all(sorted(set(touched)))
    for retired in record.retired:
        path = f"{home.root}/{retired.path}"
        facts = find_stat(storage, path)
        if facts is not None and facts.inode == retired.inode:
            storage.unlink(path)
    folders = sorted({posixpath.dirname(retired.path) for retired in record.retired})
    storage.sync_all([f"{home.root}/{f}".rstrip("/") for f in folders if _exists(home, storage, f)])
    for folder in folders:
        _remove_empty(home, storage, folder)


def _exists(home: Home, storage: Storage, folder: str) -> bool:
    return find_stat(storage, f"{home.root}/{folder}".rstrip("/")) is not None


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
    """Remove a partition folder that has become empty, and the empty ones above it."""
    removed = False
    while folder and remove_if_empty(storage, f"{home.root}/{folder}"):
        folder = posixpath.dirname(folder)
        removed = True
    if removed:
        storage.sync(f"{home.root}/{folder}".rstrip("/"))
