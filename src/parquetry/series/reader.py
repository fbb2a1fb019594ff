"""The files of series, each opened once in a process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from parquetry.series.arrow_file import ArrowFile
from parquetry.series.handles import open_bytes, stamp_of
from parquetry.series.plain_file import PlainFile
from parquetry.series.positions import read_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.series.series_file import SeriesFile

_files: dict[str, SeriesFile] = {}
_files_lock = threading.Lock()


def open_file(path: str) -> SeriesFile:
    """Return the process's one reader of a file; it is opened only if it is new or changed.

    **Cost:** a file of ours tells where its values are in a few kilobytes; of others the footer is
    parsed.

    Raises:
        NotFoundError: There is no such file.
        CorruptionError: It is no Parquet file.
        SchemaMismatchError: It has no columns of numbers that are named by scenario.
    """
    path = os.path.abspath(path)
    stamp = stamp_of(path)
    with _files_lock:
        file = _files.get(path)
        if file is None or file.stamp != stamp:
            file = _files[path] = _open(path)
    return file


def open_files() -> Iterator[SeriesFile]:
    """Yield every file that this process has opened."""
    yield from list(_files.values())


def _open(path: str) -> SeriesFile:
    stamp, opened = open_bytes(path)
    found = read_positions(opened.fileno(), stamp.size)
    if found is None:
        return ArrowFile(stamp, opened)
    return PlainFile(stamp, opened, *found)


def _forget_locks() -> None:
    """Begin anew in a forked process: locks may have been caught in the middle."""
    global _files_lock  # noqa: PLW0603
    _files_lock = threading.Lock()
    for file in open_files():
        if isinstance(file, ArrowFile):
            file.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
