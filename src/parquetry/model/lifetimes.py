"""When each file came to a dataset and when it left, as the log tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parquetry.model.records import AddedFile, CommitRecord, RetiredFile


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One stay of one file in a dataset.

    A path can have several, one after the other: retired, and brought back by a restore.

    Args:
        path: Relative to the dataset.
        came: The version that added it; None for a file that no commit knows.
        left: The version that retired it; None if it is in the dataset, or was removed unseen.
        after: The version that had freed this path before, 0 if none had.
        added: What the record says of its coming.
        retired: What the record says of its leaving.
    """

    path: str
    came: int | None = None
    left: int | None = None
    after: int = 0
    added: AddedFile | None = None
    retired: RetiredFile | None = None

    def spans(self, version: int, is_older: bool) -> bool:
        """Return whether the file was in the dataset right after a commit.

        Args:
            version: The commit.
            is_older: Whether the file's time stamp is not after the commit's; it decides where no
                commit knows the file.
        """
        if self.left is not None and self.left <= version:
            return False
        if self.came is not None:
            return self.came <= version
        return is_older and self.after <= version


def lifetimes(records: Iterable[CommitRecord]) -> list[Lifetime]:
    """Return every stay that the records, oldest first, tell of; the open ones last."""
    closed: list[Lifetime] = []
    is_open: dict[str, Lifetime] = {}
    freed: dict[str, int] = {}
    for record in records:
        for file in record.retired:
            stay = is_open.pop(file.path, None)
            came, added = (None, None) if stay is None else (stay.came, stay.added)
            after = freed.get(file.path, 0)
            closed.append(Lifetime(file.path, came, record.version, after, added, file))
            freed[file.path] = record.version
        for new in record.added:
            after = freed.get(new.path, 0)
            is_open[new.path] = Lifetime(new.path, record.version, None, after, new)
    return closed + list(is_open.values())


def strangers(stays: Iterable[Lifetime], present: Iterable[str]) -> list[Lifetime]:
    """Return the stays of the files that are in the dataset and that no commit has added."""
    known = set()
    freed: dict[str, int] = {}
    for stay in stays:
        if stay.left is None:
            known.add(stay.path)
        else:
            freed[stay.path] = max(stay.left, freed.get(stay.path, 0))
    return [Lifetime(path, after=freed.get(path, 0)) for path in present if path not in known]


def moments(records: Iterable[CommitRecord]) -> Mapping[int, int]:
    """Return the time of each version in nanoseconds; version 0 has the time of the first commit."""
    times: dict[int, int] = {}
    for record in records:
        micros = round(datetime.fromisoformat(record.time).timestamp() * 1_000_000)
        times.setdefault(0, micros * 1000)
        times[record.version] = micros * 1000
    return times
