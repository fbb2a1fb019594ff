"""The record of a commit: one immutable JSON document, enough to finish it and to undo it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from parquetry.errors import CorruptionError, FormatVersionError

FORMAT = 2


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that a commit brought: relative path, place in the staging folder, rows, bytes, SHA-256."""

    path: str
    staged: str
    rows: int
    bytes: int
    checksum: str | None


@dataclass(frozen=True, slots=True)
class RetiredFile:
    """A file that a commit took away: relative path, and what it was when it left."""

    path: str
    bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Swap:
    """A folder whose next state is assembled aside and exchanged with it in one system call.

    Args:
        folder: Relative to the dataset; empty for the whole dataset.
        tree: The name of the next state in the staging folder.
        before_inode: The inode of the folder before; None if it did not exist.
        after_inode: The inode of the folder that takes its place.
    """

    folder: str
    tree: str
    before_inode: int | None
    after_inode: int


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """One commit.

    Args:
        version: Its number, from 1.
        operation: The verb.
        parameters: What the verb was called with.
        time: When, UTC, ISO 8601.
        author: `user@host`.
        base_version: The version that the plan saw.
        swaps: The folders that are exchanged, none of them within another; without any, files come
            and go one by one.
        staging: The name of the staging folder.
        added: The files that came.
        retired: The files that left.
    """

    version: int
    operation: str
    parameters: dict[str, Any]
    time: str
    author: str
    base_version: int
    swaps: tuple[Swap, ...]
    staging: str
    added: tuple[AddedFile, ...]
    retired: tuple[RetiredFile, ...]

    @property
    def rows_added(self) -> int:
        """How many rows the added files hold."""
        return sum(file.rows for file in self.added)

    def to_json(self) -> bytes:
        """Return the document that is written to the log: a line a file, which people can read."""
        document = {"format": FORMAT} | _fields(self)
        lines = [f'"{name}": {_told(value)}' for name, value in document.items()]
        return "{{\n {}\n}}".format(",\n ".join(lines)).encode()

    @classmethod
    def from_json(cls, content: bytes, path: str) -> CommitRecord:
        """Return the record of a log file.

        Raises:
            FormatVersionError: A newer parquetry wrote it.
            CorruptionError: It is no record.
        """
        try:
            document = json.loads(content)
            written = document.pop("format")
        except (ValueError, KeyError, AttributeError) as error:
            raise _unreadable(path) from error
        if written > FORMAT:
            raise FormatVersionError(
                f"{path} has format {written}; this parquetry knows formats up to {FORMAT}. "
                "Nothing was changed. Update parquetry to work on this dataset.",
                path=path,
            )
        try:
            document["swaps"] = _swaps(document, written)
            document["added"] = tuple(AddedFile(**file) for file in document["added"])
            document["retired"] = tuple(RetiredFile(**file) for file in document["retired"])
            return cls(**document)
        except (TypeError, KeyError) as error:
            raise _unreadable(path) from error


def _told(value: Any) -> str:
    """Return a value as JSON; a list of files or folders with a line for each."""
    if not isinstance(value, tuple):
        return json.dumps(value, default=str)
    lines = [json.dumps(_fields(one)) for one in value]
    return "[{}]".format("\n  " + ",\n  ".join(lines) + "\n ") if lines else "[]"


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _swaps(document: dict[str, Any], written: int) -> tuple[Swap, ...]:
    """Return the exchanged folders of a record; format 1 knew one at most."""
    if written > 1:
        return tuple(Swap(**swap) for swap in document["swaps"])
    names = ("approach", "cover", "before_inode", "after_inode")
    approach, cover, before, after = (document.pop(name) for name in names)
    return (Swap(cover, "tree", before, after),) if approach == "exchange" else ()


def _unreadable(path: str) -> CorruptionError:
    return CorruptionError(
        f"The commit record {path} cannot be read. The data files are not touched by this; "
        "restore the record from a backup, or move it away and run `parquetry check`.",
        path=path,
    )
