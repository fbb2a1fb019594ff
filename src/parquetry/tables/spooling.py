"""Rows that are kept aside to be read again: what is sorted out in two passes need not fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import CorruptionError, NotFoundError
from parquetry.files.batches import read_batches
from parquetry.files.encoding import encode_table
from parquetry.model.frames import one_table
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from parquetry.storage.protocol import Storage


class Spool:
    """Frames, in their order: the last one in memory, those before it in files.

    Args:
        storage: The disk.
        new_path: Names the files; who made their folder removes them.
    """

    def __init__(self, storage: Storage, new_path: Callable[[], str]) -> None:
        self._storage, self._new_path = storage, new_path
        self._last: pl.DataFrame | None = None
        self.paths: list[str] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Keep a frame, unless it is empty."""
        if frame.is_empty():
            return
        self.flush()
        self._last = frame

    def flush(self) -> None:
        """Bring the last frame to the disk as well."""
        if self._last is not None:
            path = self._new_path()
            write_file(self._storage, path, encode_table(one_table(self._last)))
            self.paths.append(path)
            self._last = None

    def clear(self) -> None:
        """Forget all frames."""
        for path in self.paths:
            self._storage.unlink(path)
        self.paths, self._last = [], None

    def __bool__(self) -> bool:
        return bool(self.paths) or self._last is not None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for path in self.paths:
            yield pl.concat(read_written(path))
        if self._last is not None:
            yield self._last


def read_written(path: str, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file that was written just now.

    Raises:
        CorruptionError: It cannot be read.
    """
    try:
        for batch in read_batches(path, columns):
            yield pl.DataFrame(pl.from_arrow(batch))
    except (CorruptionError, NotFoundError) as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> CorruptionError:
    """Return the error for what was written just now and cannot be read."""
    return CorruptionError(
        f"What was just written to {path} cannot be read: {str(error).splitlines()[0]}. The dataset was "
        "not changed. The disk or the memory of this machine cannot be trusted.",
        path=path,
    )
