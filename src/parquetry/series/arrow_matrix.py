"""An Arrow file seen as matrices, without reading it: one copy in memory for all that map it."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.errors import CorruptionError, NotFoundError
from parquetry.series.indexing import check_columns, check_steps, distinct

if TYPE_CHECKING:
    from parquetry.series.indexing import Floats, Indices, Steps


class MappedMatrix:
    """An Arrow file of equally long float columns, seen as matrices without reading it.

    **Cost:** the pages that are touched, shared by all processes that map the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file, reader = _map(path)
        self._file.seek(0)
        self._bytes = np.frombuffer(self._file.read_buffer(self._file.size()), np.uint8)
        self.columns = len(reader.schema)
        self.starts: list[int] = []
        self.rows = 0
        self._pieces: list[Floats] = []
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            self._pieces.append(self._matrix(batch))
            self.starts.append(self.rows)
            self.rows += batch.num_rows

    def read(self, steps: Steps, columns: Indices) -> Floats:
        """Return (steps, scenarios) in the order asked.

        Raises:
            SeriesIndexError: A step or a column lies outside.
        """
        check_columns(columns, self.columns, self.path)
        check_steps(steps, 0, self.rows, self.path)
        if isinstance(steps, range) and steps:
            piece = bisect_right(self.starts, steps.start) - 1
            first = self.starts[piece]
            matrix = self._pieces[piece]
            if steps.stop - first <= matrix.shape[1]:
                if len(columns) == 1:  # a view of one run of memory; no gathering
                    row = matrix[columns.item(0), steps.start - first : steps.stop - first]
                    return row[:, None].copy()
                return matrix[:, steps.start - first : steps.stop - first][columns].T
        return self._read_across(np.asarray(steps, np.intp), columns)

    def _read_across(self, steps: Indices, columns: Indices) -> Floats:
        result = np.empty((len(columns), len(steps)))
        owner = np.searchsorted(self.starts, steps, side="right") - 1
        for piece in distinct(owner).tolist():
            where = np.flatnonzero(owner == piece)
            rows = steps[where] - self.starts[piece]
            result[:, where] = self._pieces[piece][np.ix_(columns, rows)]
        return result.T

    def _matrix(self, batch: pa.RecordBatch) -> Floats:
        """Return (columns, rows) over the batch, whose columns stand at equal distances."""
        address = self._bytes.ctypes.data
        offsets = [
            batch.column(number).buffers()[1].address - address
            for number in {0, min(1, self.columns - 1), self.columns - 1}
        ]
        offsets.sort()
        stride = offsets[1] - offsets[0] if self.columns > 1 else 8 * batch.num_rows
        if offsets[-1] != offsets[0] + (self.columns - 1) * stride:
            raise _strange(self.path, "its columns do not stand at equal distances")
        shape = (self.columns, batch.num_rows)
        return np.ndarray(shape, np.float64, self._bytes.data, offsets[0], (stride, 8))


def open_mapped(path: str) -> MappedMatrix:
    """Return this process's one map of a file."""
    found = _matrices.get(path)
    if found is None:
        with _matrices_lock:
            found = _matrices.get(path) or _matrices.setdefault(path, MappedMatrix(path))
    return found


_matrices: dict[str, MappedMatrix] = {}
_matrices_lock = threading.Lock()


def _map(path: str) -> tuple[pa.MemoryMappedFile, pa.RecordBatchFileReader]:
    try:
        file = pa.memory_map(path)
        return file, pa.ipc.open_file(file)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{path} does not exist. It is made by the MMAP strategy and may have been removed; run the "
            "session again.",
            path=path,
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise _strange(path, str(error)) from error


def _strange(path: str, reason: str) -> CorruptionError:
    return CorruptionError(
        f"{path} is not as parquetry writes such files: {reason}. Remove it; it is made again from its "
        "source.",
        path=path,
    )


def _forget_lock() -> None:
    global _matrices_lock  # noqa: PLW0603
    _matrices_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
