"""Rows that are kept aside to be read again: what is sorted out in two passes need not fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import CorruptionError
from parquetry.files.encoding import encode_table
from parquetry.model.frames import one_table
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.staging import Staging
    from parquetry.storage.protocol import Storage


class Spool:
    """Frames, in their order: the last one in memory, those before it in files.

    Args:
        storage: The disk.
        staging: Where the files are; they go with it.
    """

    def __init__(self, storage: Storage, staging: Staging) -> None:
        self._storage, self._staging = storage, staging
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
            path = self._staging.new_path()
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
            yield _read(path)
        if self._last is not None:
            yield self._last


def _read(path: str) -> pl.DataFrame:
    try:
        with pa.OSFile(path) as file:
            return pl.DataFrame(pl.from_arrow(pq.ParquetFile(file).read()))
    except (pa.ArrowException, OSError) as error:
        raise CorruptionError(
            f"What was just written to {path} cannot be read: {str(error).splitlines()[0]}. The dataset "
            "was not changed. The disk or the memory of this machine cannot be trusted.",
            path=path,
        ) from error
