"""The real disk."""

from __future__ import annotations

import ctypes
import errno
import io
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from parquetry.errors import (
    AlreadyExistsError,
    CorruptionError,
    NotFoundError,
    ParquetryError,
    StorageError,
)
from parquetry.storage.exchange import ExchangeUnsupportedError, exchange, move_to_free
from parquetry.storage.locks import locked
from parquetry.storage.protocol import Entry, Stat
from parquetry.storage.whole_files import create_file, holds, read_file, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Buffer

_BUFFER_BYTES = 1 << 17
_LARGE_BYTES = 1 << 20  # a smaller file is not worth the call
_SYNCFS_FROM = 8  # one syncfs is cheaper than this many fsyncs, dearer than fewer
_SLOW_SECONDS = 0.0015
"""Of an fsync; that of a disk that nobody else uses takes a few tenths of a millisecond."""
_KNOWS_EFFECTIVE_IDS = os.access in os.supports_effective_ids


class LocalStorage:
    """A disk of this machine, or one that is mounted on it."""

    def list_folder(self, path: str) -> list[Entry]:
        """Return the names in a folder, unordered."""
        try:
            with os.scandir(path) as found:
                return [Entry(entry.name, _kind(entry)) for entry in found]
        except OSError as error:  # not by _Translated: walks of large trees live in this call
            raise _ours(error, "list the folder", path) from error

    def stat(self, path: str) -> Stat:
        """Return the facts of a path without following a link at its end."""
        try:
            facts = os.lstat(path)
        except OSError as error:  # not by _Translated: walks of large trees live in this call
            raise _ours(error, "look at", path) from error
        return Stat(facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_mode, facts.st_nlink)

    def read_bytes(self, path: str) -> bytes:
        """Return a whole file."""
        with _Translated("read", path):
            return read_file(path)

    def may_change(self, folder: str) -> bool:
        """Return whether a folder is there, and this user may make and remove names in it."""
        return os.access(folder, os.W_OK | os.X_OK, effective_ids=_KNOWS_EFFECTIVE_IDS)

    def read_link(self, path: str) -> str:
        """Return where a symbolic link points."""
        with _Translated("read the link", path):
            return os.readlink(path)

    def create(self, path: str) -> BinaryIO:
        """Open a new file for writing; it must not exist."""
        with _Translated("create", path):
            return io.BufferedWriter(_NewFile(path, "x"), _BUFFER_BYTES)

    def write_new(self, path: str, content: bytes | memoryview, *, read_back: bool = False) -> None:
        """Write a new file whole, and read it back if asked; it must not exist."""
        with _Translated("create", path):
            descriptor = create_file(path)
        with _Translated("write to", path):
            try:
                write_all(descriptor, content)
                is_whole = not read_back or holds(descriptor, content)
            finally:
                os.close(descriptor)
        if not is_whole:
            raise CorruptionError(
                f"{path} does not hold what was just written to it. It is not used, and nothing was "
                "changed. The disk or the memory of this machine cannot be trusted.",
                path=path,
            )

    def touch(self, path: str) -> None:
        """Set a file's `mtime` to the present moment of the clock that its file system goes by."""
        with _Translated("touch", path):
            os.utime(path)  # without a time, so that a file server takes its own

    def sync(self, path: str) -> None:
        """Make a file's bytes, or a folder's names, survive a loss of power."""
        if sys.platform == "win32" and os.path.isdir(path):
            return  # Windows journals names by itself and cannot open folders
        with _Translated("sync", path):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def sync_all(self, paths: Sequence[str]) -> None:
        """Make several files and folders of one file system durable, as cheaply as it allows."""
        syncfs = _syncfs()
        if syncfs is None or len(paths) < _SYNCFS_FROM:
            self._sync_each(paths)
            return
        with _Translated("sync the file system of", paths[0]):
            descriptor = os.open(paths[0], os.O_RDONLY)
            try:
                if syncfs(descriptor) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, os.strerror(number))
            finally:
                os.close(descriptor)

    def _sync_each(self, paths: Sequence[str]) -> None:
        """Sync the first, and if that took long the others side by side: one flush serves them."""
        start = time.perf_counter()
        for path in paths[:1]:
            self.sync(path)
        left = paths[1:]
        is_slow = time.perf_counter() - start > _SLOW_SECONDS
        if is_slow and len(left) > 1 and self._sync_side_by_side(left):
            return
        for path in left:
            self.sync(path)

    def _sync_side_by_side(self, paths: Sequence[str]) -> bool:
        """Sync each in a thread of its own; False where no threads are to be had."""
        try:
            with ThreadPoolExecutor(len(paths)) as pool:
                list(pool.map(self.sync, paths))
        except RuntimeError:  # the system has none left, or the interpreter ends
            return False
        return True

    def make_folder(self, path: str, like: str | None = None) -> None:
        """Make one folder, with mode and owner of another; its parent must exist, it must not."""
        with _Translated("make the folder", path):
            os.mkdir(path)
            if like is not None:
                _copy_rights(like, path)

    def remove_folder(self, path: str) -> None:
        """Remove one empty folder."""
        with _Translated("remove the folder", path):
            os.rmdir(path)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name; the target must not exist."""
        with _Translated("link", target):
            os.link(source, target, follow_symlinks=False)

    def make_link(self, points_to: str, target: str) -> None:
        """Make a symbolic link."""
        with _Translated("make the link", target):
            os.symlink(points_to, target)

    def rename(self, source: str, target: str) -> None:
        """Move a file or folder; a file at the target is replaced."""
        with _Translated("rename", target):
            os.replace(source, target)

    def move(self, source: str, target: str) -> None:
        """Move a file or folder to a name that must be free; an empty folder there may go."""
        with _Translated("move", target):
            try:
                move_to_free(source, target)
            except ExchangeUnsupportedError:
                _move_by_link(source, target)

    def exchange(self, one: str, other: str) -> None:
        """Swap two paths in one step; `ExchangeUnsupportedError` where that is not to be had."""
        with _Translated("exchange", one):
            exchange(one, other)

    def unlink(self, path: str) -> None:
        """Remove a file's name."""
        with _Translated("remove", path):
            os.unlink(path)

    @contextmanager
    def lock(self, path: str, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        """Hold the advisory lock file `path`; it dies with its holder."""
        opened = locked(path, shared=shared, wait=wait)
        with _Translated("lock", path):
            held = opened.__enter__()
        try:
            yield held
        finally:
            opened.__exit__(None, None, None)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_file(follow_symlinks=False):  # asked first, for most are
        return "file"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "link" if entry.is_symlink() else "other"


class _NewFile(io.FileIO):
    """A file whose writing fails with our errors: a disk may become full at any write.

    When a large one is closed, the system is told to begin with writing it out: whoever makes it
    durable waits less.
    """

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise _ours(error, "write to", str(self.name)) from error

    def close(self) -> None:
        if not self.closed and hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # it is a hint
                size = self.tell()
                if size >= _LARGE_BYTES:  # dirty pages stay, but are on their way
                    os.posix_fadvise(self.fileno(), 0, size, os.POSIX_FADV_DONTNEED)
        super().close()


@cache
def _syncfs() -> Any:
    """Return the C library's `syncfs`, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def _move_by_link(source: str, target: str) -> None:
    if not os.path.isdir(source):
        os.link(source, target, follow_symlinks=False)
        os.unlink(source)
        return
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.ENOTDIR}:
            raise
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error


def _copy_rights(like: str, path: str) -> None:
    facts, made = os.stat(like), os.stat(path)
    if made.st_mode != facts.st_mode:
        os.chmod(path, facts.st_mode & 0o7777)
    if (made.st_uid, made.st_gid) != (facts.st_uid, facts.st_gid):
        with suppress(PermissionError):  # only the superuser can give files away
            os.chown(path, facts.st_uid, facts.st_gid)


class _Translated:
    """Turns the system's errors into ours, with what was tried and what to do."""

    __slots__ = ("_path", "_verb")

    def __init__(self, verb: str, path: str) -> None:
        self._verb, self._path = verb, path

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError):
            raise _ours(error, self._verb, self._path) from error


def _ours(error: OSError, verb: str, path: str) -> ParquetryError:
    if isinstance(error, ParquetryError):
        return error
    tried = f"Could not {verb} {path}"
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{tried}: it does not exist.", path=path)
    if isinstance(error, FileExistsError):
        return AlreadyExistsError(f"{tried}: it exists already.", path=path)
    reason = error.strerror or str(error)
    return StorageError(f"{tried}: {reason}.{_advice(error)}", path=path, errno=error.errno)


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return " Free some space and run it again."
        case errno.EACCES | errno.EPERM:
            return " Check the owner and the permissions of the folder."
        case errno.EROFS:
            return " The file system is mounted read-only."
        case errno.EMFILE | errno.ENFILE:
            return " Too many files are open; raise the limit (ulimit -n)."
    return ""
