"""The open files of a process, and what tells one content of a path from another."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import (
    ConflictError,
    CorruptionError,
    NotFoundError,
    ParquetryError,
    StorageError,
)
from parquetry.model.wording import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyarrow.parquet import FileMetaData

Opened = TypeVar("Opened")
_END_BYTES = 128 * 1024  # holds a footer of ours, and what stands before it
CAN_ADVISE = hasattr(os, "posix_fadvise")
OPEN_FILES = 128  # far below what systems allow a process


class Stamp(NamedTuple):
    """What tells one content of a path from another."""

    path: str
    size: int
    mtime_ns: int
    inode: int


class Handles:
    """The open files of this process: few enough for the system, opened again when needed."""

    def __init__(self) -> None:
        self._open: OrderedDict[Stamp, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, stamp: Stamp, open_again: Callable[[str], tuple[Stamp, Opened]]) -> Opened:
        """Return what `keep` was given, which is opened again if it was dropped.

        Raises:
            ConflictError: The path has another content by now.
        """
        with self._lock:
            file: Opened | None = self._open.get(stamp)
            if file is not None:
                self._open.move_to_end(stamp)
                return file
        found, file = open_again(stamp.path)
        if found != stamp:
            raise changed(stamp.path)
        self.keep(stamp, file)
        return file

    def keep(self, stamp: Stamp, file: Any) -> None:
        """Keep a file open; the one that was not used for longest is dropped, and closes when unused."""
        with self._lock:
            self._open[stamp] = file
            while len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)


handles = Handles()


def stamp_of(path: str) -> Stamp:
    """Return what tells this content of a path from others.

    Raises:
        NotFoundError: There is no such file.
        StorageError: It cannot be looked at.
    """
    try:
        return _stamp(path, os.stat(path))
    except OSError as error:
        raise reading_error(path, error) from error


def open_bytes(path: str) -> tuple[Stamp, pa.NativeFile]:
    """Open a file and return it with the stamp of the very bytes that were opened."""
    try:
        opened = pa.OSFile(path)
    except (pa.ArrowException, OSError) as error:
        raise reading_error(path, error) from error
    return stamp_of_open(path, opened), opened


def open_parquet(path: str, opened: pa.NativeFile, metadata: FileMetaData | None) -> pq.ParquetFile:
    """Return Arrow's reader of a file; the footer is parsed if none is given."""
    try:
        return pq.ParquetFile(opened, metadata=metadata, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise reading_error(path, error) from error


def announce_ends(paths: Iterable[str]) -> None:
    """Let the system begin to fetch the ends of files that are about to be opened, all at a time."""
    if not CAN_ADVISE:
        return
    for path in paths:
        with suppress(OSError):  # it was only advice; opening says what is wrong
            descriptor = os.open(path, os.O_RDONLY)
            try:
                start = max(0, os.fstat(descriptor).st_size - _END_BYTES)
                os.posix_fadvise(descriptor, start, _END_BYTES, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)


def stamp_of_open(path: str, opened: pa.NativeFile) -> Stamp:
    """Return what tells the content of an open file from others."""
    return _stamp(path, os.fstat(opened.fileno()))


def changed(path: str) -> ConflictError:
    """Return the error for a file that is not what it was when it was opened."""
    return ConflictError(
        f"{path} was changed while it was being read. Start the run again.", path=path
    )


def _stamp(path: str, facts: os.stat_result) -> Stamp:
    return Stamp(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)


def reading_error(path: str, error: BaseException) -> ParquetryError:
    """Return our error for one of Arrow's or the system's."""
    if isinstance(error, FileNotFoundError):
        return NotFoundError(
            f"The series {path} does not exist. Nothing was read. Check the folder and the name.",
            path=path,
        )
    reason = first_line(error)
    if isinstance(error, OSError) and error.errno is not None:
        return StorageError(
            f"Could not read the series {path}: {error.strerror or reason}. It was left as it is. Mend "
            "what the disk refuses, and try again.",
            path=path,
            errno=error.errno,
        )
    return CorruptionError(
        f"{path} is no Parquet file that can be read: {reason}. It was left as it is. Make it again "
        "from its source, for example with `parquetry series convert`.",
        path=path,
    )


if hasattr(os, "register_at_fork"):  # a lock may have been caught in the middle
    os.register_at_fork(after_in_child=handles.__init__)  # type: ignore[misc]
