"""The rewriter of this machine: rows are spread over parts, then each part is sorted and written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.model.schema import no_rows, part_of
from parquetry.operations.joined_output import fitted
from parquetry.operations.routing import Routes
from parquetry.operations.working import WORKERS, in_order
from parquetry.tuning.rewriting.aside import Aside
from parquetry.tuning.rewriting.loading import Loading
from parquetry.tuning.rewriting.row_order import RowOrder
from parquetry.tuning.rewriting.spreading import Spread
from parquetry.tuning.rewriting.task import WrittenPart
from parquetry.tuning.rewriting.writing import Shape, gathered, write_file_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.rewriting.task import RewriteTask

_SHARE = 3 * WORKERS  # a part is held decoded, sorted, and in its encoder, by each worker
_BATCH_SHARE = 8 * WORKERS  # what a worker spreads at once, which it holds twice for a moment
_SAMPLED_ROWS = 200  # for each part: a range is about a tenth off then
_FEWEST_SAMPLED = 4_096


@dataclass(frozen=True)
class LocalRewriter:
    """Writes rows in a layout on this machine.

    **Cost:** every row is decoded and encoded once. If they do not all fit into the memory of the
    task, they are written aside once in between, compressed, beside the new files.

    Args:
        storage: The disk.
    """

    storage: Storage

    def __call__(self, task: RewriteTask) -> Iterator[WrittenPart]:
        """Write the rows part by part; see `Rewriter`."""
        work = _Work(task, self.storage)
        yield from work.from_memory() if work.parts == 1 else work.by_parts()


class _Work:
    """The state of one task."""

    def __init__(self, task: RewriteTask, storage: Storage) -> None:
        self._task, self._storage = task, storage
        survey = task.survey
        self._order = RowOrder.of(task.layout, survey.columns.names)
        self._loading = Loading.of(survey, task.schema)
        self._rows = sum(file.rows for file in survey.files)
        encoded = sum(file.state.bytes for file in survey.files)
        self._shape = Shape.of(task.layout, task.schema, self._rows, encoded)
        decoded = sum(file.decoded_bytes for file in survey.files)
        self.parts = max(1, -(-decoded * _SHARE // task.memory_bytes))

    def from_memory(self) -> Iterator[WrittenPart]:
        """Sort all rows at once."""
        if 0 in self._task.skip:
            return
        files = self._task.survey.files
        tables = [
            one
            for found in in_order(lambda file: list(self._loading.load(file)), files)
            for one in found
        ]
        yield self._write(0, pa.concat_tables([no_rows(self._loading.schema), *tables]))

    def by_parts(self) -> Iterator[WrittenPart]:
        """Write rows aside by key ranges, then sort and write one range after the other."""
        task = self._task
        spread = Spread.of(self._sample(), self.parts)
        wanted = [part for part in range(spread.parts) if part not in task.skip]
        if not wanted:
            return
        aside = Aside(self._storage, task.folder, task.name, self._loading.schema)
        try:
            starts = np.cumsum([0, *(file.rows for file in task.survey.files)])
            places = zip(task.survey.files, map(int, starts), strict=False)
            for _ in in_order(partial(self._spread, spread, aside), places):
                pass
            aside.finish()
            yield from in_order(lambda part: self._write(part, aside.take(part)), wanted)
        finally:
            aside.clear()

    def _sample(self) -> pl.DataFrame:
        """Return the terms of rows from all over the files: every so many of each."""
        survey = self._task.survey
        step = max(1, self._rows // max(_FEWEST_SAMPLED, _SAMPLED_ROWS * self.parts))
        if not self._order.columns:
            return pl.DataFrame()
        keys = part_of(survey.columns, self._order.columns)
        routes = Routes(survey, self._order.columns, None, 0, only_keys=True)

        def sampled(file: SurveyedFile) -> list[pa.Table]:
            return [
                fitted(one.take(pa.array(range(0, one.num_rows, step), pa.int64())), keys)
                for one in routes.load(file)
            ]

        found = [one for tables in in_order(sampled, survey.files) for one in tables]
        return self._order.values(pa.concat_tables([no_rows(keys), *found]))

    def _spread(self, spread: Spread, aside: Aside, place: tuple[SurveyedFile, int]) -> None:
        file, first = place
        for rows in _batches(self._loading.load(file), self._task.memory_bytes // _BATCH_SHARE):
            values = self._order.values(rows)
            parts = spread.parts_of(values, first, self._rows, rows.num_rows)
            first += rows.num_rows
            order = np.argsort(parts, kind="stable")
            moved = gathered(rows, pl.Series(order))
            numbers, starts = np.unique(parts[order], return_index=True)
            ends = [*starts[1:], rows.num_rows]
            for number, start, end in zip(numbers, starts, ends, strict=True):
                if int(number) not in self._task.skip:
                    aside.add(int(number), moved.slice(int(start), int(end - start)))

    def _write(self, part: int, rows: pa.Table) -> WrittenPart:
        """Sort the rows of a part and write them."""
        keys = len(self._task.layout.partition_by)
        values = self._order.values(rows)
        if self._order.terms and rows.num_rows:
            places = self._order.sorted_places(values)
            rows = gathered(rows, places)
            values = values[:, :keys][places] if keys else values
        partitions = values[:, :keys]

        codes = self._loading.codes

        def write(place: tuple[int, tuple[int, int]]) -> str:
            number, (start, end) = place
            path = f"{self._task.folder}/{self._task.name}-{part}-{number}.pq"
            write_file_of(self._storage, path, rows.slice(start, end - start), self._shape, codes)
            return path

        cuts = enumerate(self._shape.cuts(partitions, rows.num_rows))
        paths = in_order(write, cuts) if self.parts == 1 else map(write, cuts)
        return WrittenPart(part, self.parts, tuple(paths))


def _batches(tables: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """Yield tables together, as many as have about so many bytes: each order of rows is planned anew."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.nbytes for one in held) >= size:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
