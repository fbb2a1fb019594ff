"""Series as uncompressed Arrow files that every worker of a machine maps: one copy in memory for all."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from parquetry.commits.home import Home
from parquetry.errors import AlreadyExistsError, CorruptionError, NotFoundError
from parquetry.series.findings import Finding, nan_problem, shape_problems
from parquetry.series.indexing import (
    as_columns,
    as_steps,
    check_columns,
    check_steps,
    needs_scenario,
    needs_time,
)
from parquetry.series.structures import AbstractDataStructure, over_scenarios
from parquetry.storage.folders import find_stat, make_folders
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.series.indexing import Floats, Indices, Steps
    from parquetry.series.source import SeriesSource

_BATCH_BYTES = (
    64 * 1024 * 1024
)  # what writing may hold; a block that straddles a batch is copied twice
_DIGEST_BYTES = 16
_LAYOUT = b"arrow-columns-1"
_ONE = np.zeros(1, np.intp)


class MappedMatrix:
    """An Arrow file of equally long float columns, seen as matrices without reading it.

    **Cost:** the pages that are touched, shared by all processes that map the file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _map(path)
        self._bytes = np.frombuffer(self._file.read_buffer(self._file.size()), np.uint8)
        self._file.seek(0)
        reader = pa.ipc.open_file(self._file)
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
        for piece in np.unique(owner).tolist():
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
            raise CorruptionError(
                f"The columns of {self.path} do not stand at equal distances, so parquetry did not "
                "write this file. Remove it; it is made again from its source.",
                path=self.path,
            )
        shape = (self.columns, batch.num_rows)
        return np.ndarray(shape, np.float64, self._bytes.data, offsets[0], (stride, 8))


@dataclass(frozen=True, slots=True)
class MappedTimeScenarioSeriesData(AbstractDataStructure):
    """One number a step and scenario, in a memory-mapped file.

    Args:
        path: The Arrow file; see `write_mapped`.
    """

    path: str

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The series {self.path}")
        if scenario is None:
            raise needs_scenario(f"The series {self.path}")
        return open_mapped(self.path).read(as_steps(timestep), as_columns(scenario))

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows both time and scenarios."""
        return time and scenario

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps and columns could not be had."""
        matrix = open_mapped(self.path)
        found = shape_problems(self.path, matrix.rows, matrix.columns, last_step, columns)
        if found or not refuse_nan:
            return found
        wanted = np.arange(matrix.columns) if columns is None else np.unique(columns)
        count = int(np.isnan(matrix.read(range(last_step + 1), wanted)).sum())
        return [nan_problem(self.path, count)] if count else []


@dataclass(frozen=True, slots=True)
class MappedTimeSeriesData(AbstractDataStructure):
    """One number a step, in a memory-mapped file.

    Args:
        path: The Arrow file; see `write_mapped`.
    """

    path: str

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps,), or a broadcast (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The time series {self.path}")
        values = open_mapped(self.path).read(as_steps(timestep), _ONE)[:, 0]
        return values if scenario is None else over_scenarios(values, scenario)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows time."""
        del scenario
        return time

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps could not be had."""
        del columns
        both = MappedTimeScenarioSeriesData(self.path)
        return both.find_problems(last_step, _ONE, refuse_nan=refuse_nan)


def write_mapped(source: SeriesSource, folder: str | None = None) -> str:
    """Return the path of a series' Arrow file, which is written if no such content was written before.

    Args:
        source: The series.
        folder: Where such files stand; the state folder beside the series' folder if none is given.

    **Guarantees:** the file appears whole or not at all; many processes may ask at once.
    **Cost:** the first time, everything is read, hashed and written; later it is hashed.
    """
    storage = LocalStorage()
    folder = folder or f"{Home.of(os.path.dirname(source.path)).state}/mapped"
    target = f"{folder}/{_digest(source)}.arrow"
    if find_stat(storage, target) is not None:
        return target
    make_folders(storage, os.path.abspath(folder))
    staged = f"{target}.{uuid.uuid4().hex[:12]}.part"
    try:
        with storage.create(staged) as file:
            _write_arrow(source, file)
        storage.sync(staged)
        with suppress(AlreadyExistsError):  # somebody else has written the same content
            storage.link(staged, target)
        storage.sync(folder)
    finally:
        with suppress(NotFoundError):  # it was never made
            storage.unlink(staged)
    return target


def open_mapped(path: str) -> MappedMatrix:
    """Return this process's one map of a file."""
    found = _matrices.get(path)
    if found is None:
        with _matrices_lock:
            found = _matrices.get(path) or _matrices.setdefault(path, MappedMatrix(path))
    return found


_matrices: dict[str, MappedMatrix] = {}
_matrices_lock = threading.Lock()
_digests: dict[tuple[object, ...], str] = {}


def _map(path: str) -> pa.MemoryMappedFile:
    try:
        return pa.memory_map(path)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{path} does not exist. It is made by the MMAP strategy and may have been removed; run the "
            "session again.",
            path=path,
        ) from error


def _digest(source: SeriesSource) -> str:
    key = tuple(file.stamp for file in source.files)
    if key not in _digests:
        state = hashlib.blake2b(_LAYOUT, digest_size=_DIGEST_BYTES)
        for file in source.files:
            with open(file.path, "rb") as content:
                while piece := content.read(1 << 20):
                    state.update(piece)
        _digests[key] = state.hexdigest()
    return _digests[key]


def _write_arrow(source: SeriesSource, sink: object) -> None:
    schema = pa.schema(
        [pa.field(str(n), pa.float64(), nullable=False) for n in range(source.columns)]
    )
    rows = max(1, _BATCH_BYTES // (8 * max(1, source.columns)))
    everything = np.arange(source.columns)
    with pa.ipc.new_file(sink, schema) as writer:
        for first in range(0, source.rows, rows):
            steps = range(first, min(first + rows, source.rows))
            matrix = source.load(steps, everything).T
            writer.write_batch(
                pa.RecordBatch.from_arrays([pa.array(row) for row in matrix], schema=schema)
            )


def _forget_lock() -> None:
    global _matrices_lock  # noqa: PLW0603
    _matrices_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
