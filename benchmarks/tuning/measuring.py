"""Layouts that are really written, and questions that are really asked of them."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties, write_deltalake

from parquetry.access.duck import Duck
from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.operations.surveying import take_survey
from parquetry.storage.local import LocalStorage
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.rewriting.task import RewriteTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from questions import Question

    from parquetry.model.layouts import Layout

DISK = LocalStorage()


@dataclass(frozen=True)
class Built:
    """A layout that stands on disk, and how every question of the pool fares with it.

    Args:
        name: What it is called in tables.
        folder: Where it stands.
        rewrite_seconds: What writing it took.
        seconds: What each question takes: the median of its runs.
        row_groups: The row groups that each reads.
        total: The row groups that there are.
        rows: The rows that they have.
        bytes: Its size.
        layout: What it is, unless others made it.
    """

    name: str
    folder: Path
    rewrite_seconds: float
    seconds: np.ndarray
    row_groups: np.ndarray
    total: int
    rows: int
    bytes: int
    layout: Layout | None = None

    @property
    def group_rows(self) -> float:
        """The rows of a row group."""
        return self.rows / self.total


class WrongAnswerError(AssertionError):
    """An answer differs from that of the raw files."""


class Bench:
    """A table, its questions, and the layouts that were written of it."""

    def __init__(
        self,
        table: str,
        raw: Path,
        work: Path,
        pool: Sequence[Question],
        clock: Callable[[], float] = time.perf_counter,
        repeats: int = 2,
    ) -> None:
        self.table, self.raw, self.work, self.pool = table, raw, work, list(pool)
        self.clock, self.repeats = clock, repeats
        self.built: dict[str, Built] = {}
        self._duck = Duck(profile=True)
        self._sources: dict[Path, Source] = {}
        self._answers = [self.ask(question.sql, raw).fetchall() for question in self.pool]
        self.checked = 0
        self.initial = self._measured("arrival order", raw, 0.0, None)

    @property
    def source(self) -> Source:
        """The raw files."""
        return Source(Home.of(self.raw), DISK)

    def build(self, layout: Layout, name: str = "") -> Built:
        """Return a layout, written if it does not stand yet."""
        key = layout.layout_id
        if key not in self.built:
            folder = self.work / key
            start = self.clock()
            write_layout(self.raw, folder, layout)
            seconds = self.clock() - start
            self.built[key] = self._measured(name or layout.describe(), folder, seconds, layout)
        return self.built[key]

    def build_delta(self, columns: Sequence[str]) -> Built:
        """Return the Z-order of delta-rs by some columns, in row groups of our size."""
        folder = self.work / "delta"
        properties = WriterProperties(max_row_group_size=61_440, compression="ZSTD")
        with duckdb.connect() as duck:
            duck.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            rows = duck.sql(f"FROM read_parquet('{self.raw}/*.parquet')").to_arrow_reader(500_000)
            write_deltalake(str(folder), rows, writer_properties=properties)
        table = DeltaTable(str(folder))
        start = self.clock()
        table.optimize.z_order(
            list(columns),
            writer_properties=properties,
            target_size=128 * 2**20,
            max_spill_size=4 * 2**30,
        )
        seconds = self.clock() - start  # the first writing is not charged
        flat = self.work / "delta-files"
        flat.mkdir()
        for number, uri in enumerate(table.file_uris()):
            (flat / f"part_{number:03}.parquet").hardlink_to(uri.removeprefix("file://"))
        name = f"delta-rs Z-order of {', '.join(columns)}"
        self.built["delta"] = self._measured(name, flat, seconds, None)
        return self.built["delta"]

    def clear(self) -> None:
        """Remove everything that was written."""
        shutil.rmtree(self.work, ignore_errors=True)

    def time_all(self) -> None:
        """Time every question in all layouts in turns, so that a machine's moods hit them alike.

        What was measured when a layout was written counts no more.
        """
        known = [self.initial, *self.built.values()]
        runs = np.zeros((self.repeats, len(known), len(self.pool)))
        for number, question in enumerate(self.pool):
            for repeat in range(self.repeats):
                order = range(len(known)) if repeat % 2 else reversed(range(len(known)))
                for place in order:
                    runs[repeat, place, number] = self._time(question.sql, known[place].folder)
        for one, seconds in zip(known, np.median(runs, axis=0), strict=True):
            one.seconds[:] = seconds

    def _time(self, sql: str, folder: Path) -> float:
        start = self.clock()
        self.ask(sql, folder)
        return self.clock() - start

    def _measured(self, name: str, folder: Path, seconds: float, layout: Layout | None) -> Built:
        """Check every answer of a layout, and time it for the time being."""
        row_groups = np.zeros(len(self.pool))
        taken = np.zeros(len(self.pool))
        for number, question in enumerate(self.pool):
            found = self.ask(question.sql, folder)
            self.checked += 1
            if found.fetchall() != self._answers[number]:
                raise WrongAnswerError(f"{name}: {question.sql}")
            row_groups[number] = found.stats.row_groups_read
            taken[number] = self._time(question.sql, folder)
        files = sorted(folder.glob("*.parquet"))
        total = sum(_row_groups(path) for path in files)
        size = sum(path.stat().st_size for path in files)
        rows = sum(_rows(path) for path in files)
        return Built(name, folder, seconds, taken, row_groups, total, rows, size, layout)

    def ask(self, sql: str, folder: Path):
        """Return the answer to a question from the files of a folder."""
        source = self._sources.setdefault(folder, Source(Home.of(folder), DISK))
        return self._duck.run(sql, {self.table: source})


def _row_groups(path: Path) -> int:
    return pq.read_metadata(path).num_row_groups


def _rows(path: Path) -> int:
    return pq.read_metadata(path).num_rows


def write_layout(raw: Path, folder: Path, layout: Layout) -> None:
    """Write all rows in a layout, as a migration does."""
    folder.mkdir(parents=True)
    survey = take_survey(Home.of(raw), DISK)
    task = RewriteTask(survey, survey.columns, layout, str(folder), "part")
    for part in LocalRewriter(DISK)(task):
        for path in map(Path, part.paths):
            path.rename(path.with_suffix(".parquet"))
