"""Whether the dataset is what its log says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parquetry.commits.log import record_name
from parquetry.commits.retiring import history_path
from parquetry.errors import CorruptionError, FormatVersionError, NotFoundError, StorageError
from parquetry.files.verifying import hash_file
from parquetry.model.findings import Finding
from parquetry.model.lifetimes import lifetimes, moments
from parquetry.model.records import CommitRecord
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from parquetry.commits.checking.survey import SeenFile, Survey
    from parquetry.commits.home import Home
    from parquetry.files.verifying import Examination
    from parquetry.model.lifetimes import Lifetime
    from parquetry.storage.protocol import Storage

_CLOCKS_NS = 2_000_000_000  # by how much the clocks of this machine and of a file server may differ
_IN_PLACE = (
    "Restore the file from a backup. Nobody may write into a Parquet file: its history shares its "
    "bytes."
)


@dataclass(slots=True)
class Log:
    """The records that can be read, and what is wrong with the others."""

    records: list[CommitRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether the records tell the whole story."""
        return not self.findings


def read_log(home: Home, storage: Storage) -> Log:
    """Return the log, as far as it can be read."""
    log = Log()
    try:
        names = sorted(name for name, _ in storage.list_folder(home.log))
    except NotFoundError:
        return log
    for name in names:
        path = f"{home.log}/{name}"
        if name.endswith(".pending"):
            log.findings.append(_unfinished(path))
        elif name.endswith(".json"):
            try:
                log.records.append(CommitRecord.from_json(storage.read_bytes(path), path))
            except (CorruptionError, FormatVersionError, StorageError) as error:
                log.findings.append(_unreadable(path, error))
    there = {record.version for record in log.records}
    unread = {f.path.rpartition("/")[2] for f in log.findings}
    for version in range(1, max(there, default=0)):
        if version not in there and f"{record_name(version)}.json" not in unread:
            log.findings.append(_gap(home, version))
    return log


def _unfinished(path: str) -> Finding:
    return Finding(
        "warning",
        "unfinished-commit",
        path,
        "A commit was recorded and not finished: the process that made it died.",
        "Open the dataset with the permission to write; the commit is then completed.",
    )


def _unreadable(path: str, error: Exception) -> Finding:
    if isinstance(error, FormatVersionError):
        return Finding("error", "newer-record", path, str(error), "Update parquetry.")
    return Finding(
        "error",
        "unreadable-record",
        path,
        f"This commit record cannot be read. {error}",
        "Restore it from a backup. Without it the dataset is whole, but its past is not known.",
    )


def _gap(home: Home, version: int) -> Finding:
    return Finding(
        "warning",
        "record-gap",
        f"{home.log}/{record_name(version)}.json",
        f"The record of commit {version} is missing.",
        "Restore it from a backup; states before it cannot be told.",
    )


def record_findings(
    home: Home,
    storage: Storage,
    log: Log,
    seen: Survey,
    inside: Mapping[str, Examination],
    *,
    deep: bool,
) -> Iterator[Finding]:
    """Yield where the dataset or its history is not what the log says."""
    yield from log.findings
    files = {file.path: file for file in seen.data}
    times = moments(log.records)
    stays = lifetimes(log.records)
    for stay in stays:
        if stay.left is not None:
            yield from _kept(home, storage, stay)
        elif stay.path in files:
            facts = files[stay.path]
            yield from _present(home, stay, facts, times, inside.get(stay.path), deep=deep)
        elif log.is_whole:
            yield Finding(
                "error",
                "file-missing",
                stay.path,
                f"Commit {stay.came} added this file, no commit retired it, and it is gone: somebody "
                "removed it by hand.",
                "Restore it from a backup, or leave it; the other files are whole.",
            )


def _present(
    home: Home,
    stay: Lifetime,
    file: SeenFile,
    times: Mapping[int, int],
    inside: Examination | None,
    *,
    deep: bool,
) -> Iterator[Finding]:
    added = stay.added
    if added is None or inside is None or inside.problem == "gone":
        return
    if file.bytes != added.bytes:
        yield _changed(stay, f"it had {added.bytes} bytes and has {file.bytes}")
    elif inside.problem is None and inside.rows != added.rows:
        yield _changed(stay, f"it had {added.rows} rows and has {inside.rows}")
    elif deep and added.checksum is not None:
        if hash_file(f"{home.root}/{stay.path}") != added.checksum:
            yield _changed(stay, "its SHA-256 is another one")
    elif file.mtime_ns > times[stay.came or 0] + _CLOCKS_NS:
        yield Finding(
            "warning",
            "touched",
            stay.path,
            f"Its time stamp is later than commit {stay.came}, which added it; its size and rows are "
            "the same.",
            "If the dataset was copied without its time stamps, this is why. Otherwise somebody wrote "
            "into it; a deep check compares checksums.",
        )


def _changed(stay: Lifetime, how: str) -> Finding:
    return Finding(
        "error",
        "changed-in-place",
        stay.path,
        f"This file is not what commit {stay.came} added: {how}.",
        _IN_PLACE,
    )


def _kept(home: Home, storage: Storage, stay: Lifetime) -> Iterator[Finding]:
    """Yield what is wrong with a file in the history; a vacuumed commit has none."""
    version = stay.left or 0
    if stay.retired is None or find_stat(storage, f"{home.history}/{record_name(version)}") is None:
        return
    path = history_path(home, version, stay.path)
    facts = find_stat(storage, path)
    if facts is not None and facts.size == stay.retired.bytes:
        return
    how = "is gone" if facts is None else f"has {facts.size} bytes instead of {stay.retired.bytes}"
    yield Finding(
        "warning",
        "history-damaged",
        path,
        f"This file, which commit {version} retired, {how}.",
        f"The dataset is whole; versions before {version} are not, and cannot be restored.",
    )
