"""Looking back: what was committed, and which files a dataset had after any commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.log import read_records
from parquetry.commits.retiring import history_path
from parquetry.commits.settling import settled
from parquetry.commits.snapshots import data_files
from parquetry.errors import NotFoundError, StorageError
from parquetry.model.lifetimes import lifetimes, moments, strangers
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.home import Home
    from parquetry.model.lifetimes import Lifetime
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a past state: where it stood, relative to the dataset, and where its bytes are now."""

    path: str
    stands_at: str


def read_history(home: Home, storage: Storage) -> list[CommitRecord]:
    """Return the commits of a dataset, newest first; what a crash left is completed first."""
    with settled(home, storage):
        return read_records(home, storage)[::-1]


def files_at(home: Home, storage: Storage, version: int) -> list[str]:
    """Return the absolute paths of the files of a dataset as it was right after a commit.

    Version 0 is the state before the first commit. Files of the past stand in the history, under names
    that end in `.parquet.retired`; below `history/NNNNNNNN/` their folders are the partitions. Files
    that no commit knows are placed by their modification time. A file that was removed without a
    commit cannot be shown.

    **Cost:** the log is read and the dataset listed; one `stat` for each file of the history that is
    needed, and for each file that no commit knows.

    Raises:
        NotFoundError: There is no such version, or its files were vacuumed.
        StorageError: A crashed commit has to be completed first, by somebody who may write.
    """
    return [file.stands_at for file in kept_files_at(home, storage, version)]


def kept_files_at(home: Home, storage: Storage, version: int) -> list[KeptFile]:
    """Return what `files_at` returns, each with the place where it stood; sorted by that."""
    with settled(home, storage) as rest:
        refuse_unsettled(home, is_settled=rest.is_settled)
        return settled_files_at(home, storage, version)


def settled_files_at(home: Home, storage: Storage, version: int) -> list[KeptFile]:
    """Return the files of a dataset that is `settled`, as it was right after a commit."""
    records = read_records(home, storage)
    check_version(home, records, version)
    moment = moments(records).get(version)
    stays = lifetimes(records)
    present = set(data_files(storage, home.root))
    open_stays = [s for s in stays if s.left is None and s.path in present]
    found = [*open_stays, *strangers(stays, sorted(present))]
    current = [s for s in found if s.spans(version, _is_older(home, storage, s, moment))]
    retired = [s for s in stays if s.left and s.spans(version, _is_older(home, storage, s, moment))]
    files = [KeptFile(stay.path, f"{home.root}/{stay.path}") for stay in current]
    files += [KeptFile(stay.path, kept_in_history(home, storage, stay)) for stay in retired]
    return sorted(files, key=lambda file: (file.path, file.stands_at))


def _is_older(home: Home, storage: Storage, stay: Lifetime, moment: int | None) -> bool:
    if stay.came is not None or moment is None:
        return True
    if stay.retired is not None:
        return stay.retired.mtime_ns <= moment
    facts = find_stat(storage, f"{home.root}/{stay.path}")
    return facts is not None and facts.mtime_ns <= moment


def kept_in_history(home: Home, storage: Storage, stay: Lifetime) -> str:
    """Return where a retired file is kept.

    Raises:
        NotFoundError: It was vacuumed.
    """
    left = stay.left or 0
    path = history_path(home, left, stay.path)
    if find_stat(storage, path) is None:
        raise NotFoundError(
            f"The state of {home.root} before commit {left} cannot be shown any more: the history of "
            f"that commit was vacuumed ({path} is gone). Nothing was changed. Choose version {left} or "
            "a later one, and a longer `keep` for the next vacuum.",
            path=path,
        )
    return path


def check_version(home: Home, records: Sequence[CommitRecord], version: int) -> None:
    """Raise `NotFoundError`, naming the versions that there are, unless a version is among them."""
    known = [record.version for record in records]
    if version == 0 or version in known:
        return
    there = f"0 to {known[-1]}" if known else "only 0, for nothing was committed yet"
    if known and len(known) != known[-1]:
        there = ", ".join(map(str, [0, *known]))
    raise NotFoundError(
        f"{home.root} has no version {version!r}; its versions are {there}. Nothing was changed. "
        "`history()` lists them.",
        path=home.root,
    )


def refuse_unsettled(home: Home, *, is_settled: bool) -> None:
    """Raise `StorageError` where a crashed commit could not be completed by this user."""
    if not is_settled:
        raise StorageError(
            f"The past of {home.root} cannot be read: a commit was left unfinished by a crash, and "
            "completing it needs the permission to write. The data itself is whole. Let somebody who "
            "may write open the dataset once.",
            path=home.root,
        )
