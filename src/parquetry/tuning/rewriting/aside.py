"""Rows written aside, part by part, until their turn comes to be sorted."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from parquetry.errors import NotFoundError, ParquetryError, StorageError
from parquetry.model.schema import no_rows

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class Aside:
    """One file for each part, to which rows are added in any order by several threads.

    **Cost:** one open file a part; rows are kept compressed, in Arrow's format.

    Args:
        storage: The disk.
        folder: Where the files go.
        name: What their names begin with.
        schema: The columns of the rows.
    """

    def __init__(self, storage: Storage, folder: str, name: str, schema: pa.Schema) -> None:
        self._storage, self._schema = storage, schema
        self._start = f"{folder}/{name}-aside-"
        self._open: dict[int, tuple[BinaryIO, Any]] = {}
        self._lock = Lock()

    def add(self, part: int, rows: pa.Table) -> None:
        """Add rows to a part."""
        with self._lock:
            try:
                if part not in self._open:
                    sink = self._storage.create(self._path(part))
                    self._open[part] = (
                        sink,
                        pa.ipc.new_stream(sink, self._schema, options=_OPTIONS),
                    )
                self._open[part][1].write_table(rows)
            except ParquetryError:
                raise
            except (OSError, pa.ArrowException) as error:
                raise self._refused(part, error) from error

    def finish(self) -> None:
        """Complete the files; nothing is added any more."""
        for part, (sink, writer) in self._open.items():
            try:
                writer.close()
                sink.close()
            except (OSError, pa.ArrowException) as error:
                raise self._refused(part, error) from error

    def take(self, part: int) -> pa.Table:
        """Return the rows of a part and forget them."""
        if part not in self._open:
            return no_rows(self._schema)
        with pa.OSFile(self._path(part)) as source:
            table = pa.ipc.open_stream(source).read_all()
        self._remove(part)
        return table

    def clear(self) -> None:
        """Remove what is left."""
        for sink, _ in self._open.values():
            sink.close()
        for part in list(self._open):
            self._remove(part)

    def _remove(self, part: int) -> None:
        self._open.pop(part, None)
        try:
            self._storage.unlink(self._path(part))
        except NotFoundError:
            return

    def _path(self, part: int) -> str:
        return f"{self._start}{part}"

    def _refused(self, part: int, error: Exception) -> StorageError:
        return StorageError(
            f"Rows could not be written aside to {self._path(part)}: {error}. Nothing was changed. Free "
            "some space and run it again.",
            path=self._path(part),
            errno=getattr(error, "errno", None),
        )
