"""The calls by which parquetry touches a disk."""

from __future__ import annotations

import stat as stat_bits
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


class Entry(NamedTuple):
    """One name in a folder. `kind` is `"file"`, `"folder"`, `"link"` or `"other"`."""

    name: str
    kind: str


class Stat(NamedTuple):
    """What the file system knows of a path.

    `size` is in bytes, `mtime_ns` in nanoseconds; `links` is how many names a file has.
    """

    size: int
    mtime_ns: int
    inode: int
    mode: int
    links: int = 1

    @property
    def is_folder(self) -> bool:
        """Whether the path is a folder, and not a link to one."""
        return stat_bits.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether the path is a symbolic link."""
        return stat_bits.S_ISLNK(self.mode)


class Storage(Protocol):
    """Every effect on a disk, one call each.

    Paths are absolute text. All calls raise `NotFoundError`, `AlreadyExistsError` or `StorageError`
    and never a bare `OSError`, so that no floor above has to translate.
    """

    def list_folder(self, path: str) -> list[Entry]:
        """Return the names in a folder, unordered."""

    def stat(self, path: str) -> Stat:
        """Return the facts of a path without following a link at its end."""

    def read_bytes(self, path: str) -> bytes:
        """Return a whole file."""

    def may_change(self, folder: str) -> bool:
        """Return whether a folder is there, and this user may make and remove names in it."""

    def read_link(self, path: str) -> str:
        """Return where a symbolic link points."""

    def create(self, path: str) -> BinaryIO:
        """Open a new file for writing; it must not exist."""

    def write_new(self, path: str, content: bytes | memoryview, *, read_back: bool = False) -> None:
        """Write a new file whole, and read it back if asked; it must not exist.

        `CorruptionError` if it gives back other bytes.
        """

    def touch(self, path: str) -> None:
        """Set a file's `mtime` to the present moment of the clock that its file system goes by."""

    def sync(self, path: str) -> None:
        """Make a file's bytes, or a folder's names, survive a loss of power."""

    def sync_all(self, paths: Sequence[str]) -> None:
        """Make several files and folders of one file system durable, as cheaply as it allows."""

    def make_folder(self, path: str, like: str | None = None) -> None:
        """Make one folder, with mode and owner of another; its parent must exist, it must not."""

    def remove_folder(self, path: str) -> None:
        """Remove one empty folder."""

    def link(self, source: str, target: str) -> None:
        """Give a file a second name; the target must not exist."""

    def make_link(self, points_to: str, target: str) -> None:
        """Make a symbolic link."""

    def rename(self, source: str, target: str) -> None:
        """Move a file or folder; a file at the target is replaced."""

    def move(self, source: str, target: str) -> None:
        """Move a file or folder to a name that must be free; an empty folder there may go."""

    def exchange(self, one: str, other: str) -> None:
        """Swap two paths in one step; `ExchangeUnsupportedError` where that is not to be had."""

    def unlink(self, path: str) -> None:
        """Remove a file's name."""

    def lock(
        self, path: str, *, shared: bool = False, wait: bool = True
    ) -> AbstractContextManager[bool]:
        """Hold the advisory lock file `path`; it dies with its holder.

        The context gives `False`, and holds nothing, where `wait` is off and somebody has the lock.
        """
