"""One grid's CSVs become its units: the part of a conversion that can be done on its own."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import ParquetryError, RequestError
from parquetry.experiments.conversion.other_records import is_rival, left_over, others_of
from parquetry.experiments.conversion.records import (
    Record,
    input_digest,
    is_there,
    read_records,
    write_records,
)
from parquetry.experiments.conversion.reports import BadFile, ConvertedRun, Remark
from parquetry.experiments.conversion.run_rows import rows_of, seeds_of
from parquetry.experiments.grids import grid_file
from parquetry.experiments.writing import write_event_rows, write_seed_rows
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

    from parquetry.experiments.conversion.planning import GridPlan, PlannedRun, Target
    from parquetry.storage.protocol import Storage

_SEED_IN_PATH = re.compile(r"[/,]seed=(-?\d+)(?![^/,.-])")


@dataclass(frozen=True, slots=True)
class GridOutcome:
    """What became of a grid's CSVs.

    Args:
        runs: Those that are right.
        bad: Those that are not, and why.
        remarks: What may surprise.
    """

    runs: tuple[ConvertedRun, ...]
    bad: tuple[BadFile, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A CSV as it is now; with its record if it has not changed since."""

    run: PlannedRun
    digest: str
    seeds: tuple[int, ...]
    record: Record | None


def convert_grid(
    grid: GridPlan,
    target: Target,
    storage: Storage,
    *,
    dry_run: bool = False,
    on_csv: Callable[[str], None] = lambda _csv: None,
) -> GridOutcome:
    """Convert what is new of one grid, and return what was done.

    **Guarantees:** each unit is written whole or not at all; a CSV that is not right changes
    nothing, and the others are converted.

    **Cost:** each CSV is read to see whether it changed; one that did is parsed twice. Memory is
    that of one CSV's rows.

    Args:
        grid: The grid.
        target: From where to where.
        storage: The disk.
        dry_run: Whether to write nothing.
        on_csv: Called with the path of each CSV when it is done.

    Raises:
        StorageError: The store's disk refused; what was written before stays.
    """
    work = _GridWork(grid, target, storage, on_csv)
    seen = work.look()
    if dry_run:
        work.check(seen)
    else:
        try:
            work.write(seen)
        finally:
            work.remember()
    remarks = [*work.remarks, *left_over(grid.grid_id, work.others, target, storage)]
    return GridOutcome(tuple(work.done), tuple(work.bad), tuple(dict.fromkeys(remarks)))


class _GridWork:
    """The CSVs of one grid on their way."""

    def __init__(
        self, grid: GridPlan, target: Target, storage: Storage, on_csv: Callable[[str], None]
    ) -> None:
        self.grid, self.target, self.storage, self.on_csv = grid, target, storage, on_csv
        self.records = read_records(target, grid.grid_id, storage)
        others = others_of(grid, self.records, target)
        self.others = {csv: one for csv, one in others.items() if is_there(one, storage)}
        self.done: list[ConvertedRun] = []
        self.bad: list[BadFile] = []
        self.remarks: list[Remark] = []

    def look(self) -> list[_Seen]:
        """Return the CSVs that can be read and do not claim the seeds of others."""
        seen = []
        for run in self.grid.runs:
            try:
                seen.append(self._see(run))
            except ParquetryError as error:
                self._refuse(run.csv, str(error))
        return self._without_doubles(seen)

    def write(self, seen: list[_Seen]) -> None:
        """Write what has changed: all in one call, whose units share their syncs, if that goes."""
        new = []
        for one in seen:
            if one.record is None:
                new.append(one)
            else:
                self._finish(one, one.record.rows, written=0)
        try:
            self._write(new)
        except RequestError:
            # The rows of one of them do not fit the dataset; those of the others do.
            for one in new:
                self._write_alone(one)

    def check(self, seen: list[_Seen]) -> None:
        """Do as `write` does, without writing."""
        for one in seen:
            if one.record is not None:
                self._finish(one, one.record.rows, written=0)
                continue
            for frame in self._frames([one], {}):
                self._finish(one, frame.height, written=len(one.seeds))

    def remember(self) -> None:
        """Keep what was converted, for the next time."""
        own = {self._absolute(run.csv) for run in self.grid.runs}
        kept = {csv: one for csv, one in self.records.items() if csv in own or csv in self.others}
        if kept:
            write_records(self.target, self.grid.grid_id, kept, self.storage)

    def _write_alone(self, one: _Seen) -> None:
        if one.run.csv in {bad.path for bad in self.bad}:
            return
        try:
            self._write([one])
        except RequestError as error:
            self._refuse(one.run.csv, str(error))

    def _write(self, new: list[_Seen]) -> None:
        heights: dict[str, int] = {}
        frames = self._frames(new, heights)
        first = next(frames, None)
        if first is None:
            return
        write = write_event_rows if self.target.granularity == "event" else write_seed_rows
        report = write(
            itertools.chain([first], frames),
            self.target.base_out,
            dict(self.grid.params),
            partition_by=self.target.partition_by,
            storage=self.storage,
        )
        paths = {_seed_of(path): path for path in report.paths}
        for one in new:
            if one.run.csv in heights:
                self._keep(one, heights[one.run.csv], paths)

    def _frames(self, seen: Iterable[_Seen], heights: dict[str, int]) -> Iterator[pl.DataFrame]:
        """Yield the rows of each CSV that can be read, and note how many they are."""
        for one in seen:
            try:
                content = self.storage.read_bytes(self._absolute(one.run.csv))
                frame, notes = rows_of(content, one.run, self.grid, self.target)
            except ParquetryError as error:
                self._refuse(one.run.csv, str(error))
                continue
            self.remarks += [Remark(one.run.csv, note) for note in notes]
            heights[one.run.csv] = frame.height
            yield frame

    def _keep(self, one: _Seen, rows: int, paths: dict[int, str]) -> None:
        own = tuple(paths[seed] for seed in one.seeds if seed in paths)
        self.records[self._absolute(one.run.csv)] = Record(one.digest, one.seeds, rows, own)
        self._finish(one, rows, written=len(own))

    def _finish(self, one: _Seen, rows: int, written: int) -> None:
        run = one.run
        unchanged = len(one.seeds) - written
        self.done.append(
            ConvertedRun(
                run.csv, self.grid.grid_id, one.seeds, rows, written, unchanged, run.reasons
            )
        )
        self.on_csv(run.csv)

    def _refuse(self, csv: str, reason: str) -> None:
        self.bad.append(BadFile(csv, reason))
        self.on_csv(csv)

    def _see(self, run: PlannedRun) -> _Seen:
        content = self.storage.read_bytes(self._absolute(run.csv))
        digest = input_digest(content, run, self.grid, self.target)
        record = self.records.get(self._absolute(run.csv))
        if record is not None and record.digest == digest and self._stands(record):
            return _Seen(run, digest, record.seeds, record)
        return _Seen(run, digest, seeds_of(content, run), None)

    def _stands(self, record: Record) -> bool:
        base_out, dataset = self.target.base_out, f"{self.target.granularity}s"
        places = (f"{base_out}/{dataset}", grid_file(base_out, self.grid.grid_id))
        return is_there(record, self.storage) and all(
            find_stat(self.storage, place) is not None for place in places
        )

    def _without_doubles(self, seen: list[_Seen]) -> list[_Seen]:
        """Return the CSVs whose seeds no other one has; all that share one are refused."""
        owners: defaultdict[int, list[str]] = defaultdict(list)
        for one in seen:
            for seed in one.seeds:
                owners[seed].append(one.run.csv)
        for csv, record in self.others.items():
            if is_rival(csv, self.target, self.storage):
                for seed in record.seeds:
                    owners[seed].append(csv)
        alone = []
        for one in seen:
            shared = next((seed for seed in one.seeds if len(owners[seed]) > 1), None)
            if shared is None:
                alone.append(one)
            else:
                rivals = [csv for csv in owners[shared] if csv != one.run.csv]
                self._refuse(one.run.csv, self._doubled(one.run.csv, shared, rivals))
        return alone

    def _doubled(self, csv: str, seed: int, rivals: list[str]) -> str:
        return (
            f"{csv} and {', '.join(rivals)} have the same parameters (grid {self.grid.grid_id}) and "
            f"the same seed {seed}, and a unit has room for one. It was not converted; what the store "
            "has of this seed was left as it is. Name the parameter that tells them apart in a "
            "params.json, give them different seeds (seed_3.csv), or move one away."
        )

    def _absolute(self, csv: str) -> str:
        return f"{self.target.csv_dir}/{csv}"


def _seed_of(path: str) -> int:
    """Return the seed in a unit's path: its folder names it, or its file name does."""
    found = _SEED_IN_PATH.findall(path)
    return int(found[-1])
