"""A dataset at rest: no commit is under way, and none is left half done by a crash."""

from __future__ import annotations

import errno
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from parquetry.commits.finishing import recover
from parquetry.commits.log import find_latest
from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 100  # of recovering while others keep dying in the middle of their commits
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


class Rest(NamedTuple):
    """How a dataset is while no commit is under way.

    Args:
        is_settled: Whether the log has all that happened; it may lack the last commit where a crash left
            that half done and this user may not write.
        version: The version of the last finished commit, 0 if there is none.
    """

    is_settled: bool
    version: int


@contextmanager
def settled(home: Home, storage: Storage) -> Iterator[Rest]:
    """Keep commits out while the block runs; readers do not exclude each other.

    What a crash left is completed first. Whoever may not write reads the folder as it is, if it is
    whole.

    Raises:
        StorageError: The disk refused; or a commit died among its renames and this user may not
            complete it; or commits die here faster than they can be completed.
    """
    may_write = True
    for _ in range(_ATTEMPTS):
        with held_shared(home, storage):
            latest, pending = find_latest(home, storage)
            if pending is None or not may_write:
                _refuse_mixture(home, storage, pending)
                yield Rest(pending is None, latest)
                return
        may_write = _recovered(home, storage)
    raise StorageError(
        f"The dataset {home.root} could not be read: {_ATTEMPTS} commits in a row were left unfinished. "
        "Look for a program that is killed while it writes here.",
        path=home.root,
    )


@contextmanager
def held_shared(home: Home, storage: Storage) -> Iterator[None]:
    """Keep commits out while the block runs, whether or not the last one was finished."""
    with ExitStack() as held:
        with suppress(NotFoundError):  # no commit was ever made here, so there is nobody to exclude
            held.enter_context(storage.lock(home.lock, shared=True))
        yield


def _refuse_mixture(home: Home, storage: Storage, pending: CommitRecord | None) -> None:
    """Raise unless the folder is in the state before a commit, or in the one after it."""
    if pending is None:
        return
    came = [find_stat(storage, f"{home.root}/{file.path}") for file in pending.added]
    left = [find_stat(storage, f"{home.root}/{file.path}") for file in pending.retired]
    done = {facts is not None for facts in came} | {facts is None for facts in left}
    if len(done) > 1:
        raise StorageError(
            f"The dataset {home.root} cannot be read now: commit {pending.version} was left half done "
            "by a crash, and completing it needs the permission to write. No row is lost. Let somebody "
            "who may write open the dataset once.",
            path=home.root,
        )


def _recovered(home: Home, storage: Storage) -> bool:
    """Complete what a crash left; False where this user may not write."""
    try:
        with storage.lock(home.lock):
            recover(home, storage)
    except StorageError as error:
        if error.errno in _NO_PERMISSION:
            return False
        raise
    return True
