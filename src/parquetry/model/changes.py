"""What a change to a dataset is made of: files to add, files to retire, and what must still hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class FileState:
    """A data file as a snapshot found it.

    Args:
        path: Relative to the dataset, with `/`.
        bytes: Its size.
        mtime_ns: Its time stamp in nanoseconds.
        inode: Its number in the file system.
    """

    path: str
    bytes: int
    mtime_ns: int
    inode: int

    @property
    def folder(self) -> str:
        """The partition folder, relative to the dataset; empty at the root."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A staged file and the place where it is to stand.

    Args:
        path: Where it is to stand, relative to the dataset.
        source: Where it was staged: an absolute path.
        rows: How many rows its footer must say.
        bytes: Its size.
        checksum: SHA-256 of its bytes in hexadecimal, or None if it was not taken.
    """

    path: str
    source: str
    rows: int
    bytes: int
    checksum: str | None = None


def new_file(path: str, source: str, rows: int, content: bytes | memoryview) -> NewFile:
    """Return the new file that holds these bytes, with their checksum."""
    return NewFile(path, source, rows, len(content), checksum_of(content))


def checksum_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The data files of a dataset at one moment, and the version that its log had reached."""

    version: int
    files: tuple[FileState, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must still hold when a change is committed, besides its retired files being unchanged.

    Args:
        closed: Relative folders, each with all below it, to which no file may have come; `""` is
            the whole dataset.
        seen: The relative paths that were there when the change was planned.
    """

    closed: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    def is_broken_by(self, path: str) -> bool:
        """Return whether a file now in the dataset came to a closed folder after the planning."""
        if path in self.seen:
            return False
        return any(not folder or path.startswith(f"{folder}/") for folder in self.closed)


@dataclass(frozen=True, slots=True)
class Change:
    """One commit to be: what to retire, what to add, what it stands on.

    Args:
        operation: The verb, as the log names it.
        parameters: What the verb was called with, as JSON values.
        base_version: The version that the plan saw.
        retire: Files that leave the dataset and are kept as history.
        add: Staged files that come into it.
        requirement: What must still hold.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    base_version: int = 0
    retire: tuple[FileState, ...] = ()
    add: tuple[NewFile, ...] = ()
    requirement: Requirement = Requirement()


def covering_folder(paths: list[str]) -> str:
    """Return the smallest folder, relative, that covers all files of these relative paths."""
    folders = [path.split("/")[:-1] for path in paths]
    shortest, longest = min(folders), max(folders)
    common = 0
    while common < len(shortest) and shortest[common] == longest[common]:
        common += 1
    return "/".join(shortest[:common])


def holder_of(folders: Container[str], path: str) -> str:
    """Return the innermost of some folders that a file stands in; all are relative to the dataset."""
    folder = path.rpartition("/")[0]
    while folder not in folders:
        folder = folder.rpartition("/")[0]
    return folder


def ancestors(paths: Iterable[str]) -> set[str]:
    """Return all folders above the given relative paths, without the root."""
    above: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in above:
            above.add(folder)
            folder = folder.rpartition("/")[0]
    return above


def below(folder: str, path: str) -> str:
    """Return a path relative to a folder that it stands in; both are relative to the dataset."""
    return path[len(folder) + 1 :] if folder else path
