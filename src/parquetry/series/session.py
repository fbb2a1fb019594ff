"""A study, solved block by block and scenario by scenario, on any executor."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable  # noqa: TC003 - dataclasses show their types to readers
from concurrent.futures import Executor  # noqa: TC003 - the same
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from parquetry.commits.home import Home
from parquetry.commits.staging import open_staging
from parquetry.errors import ExecutorError, ParameterError, ParquetryError
from parquetry.executors.in_flight import Failure, run_in_flight
from parquetry.executors.worker_watch import PATIENCE_SECONDS
from parquetry.model.hive import encode_segment
from parquetry.series.blocks import ResolutionConfig  # noqa: TC001 - the same
from parquetry.series.cargo import Load, pack
from parquetry.series.findings import Finding, raise_findings
from parquetry.series.progress import Progress, Tally, shown
from parquetry.series.results import DatasetResults, MemoryResults, RunRecord
from parquetry.series.scheduling import Assembly, plan_items
from parquetry.series.strategies import MaterializationStrategy, prepare
from parquetry.series.study import Study  # noqa: TC001 - the same
from parquetry.series.work import Solve, WorkItem, WorkResult, run_item
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import polars as pl

    from parquetry.series.cargo import Cargo
    from parquetry.series.results import Results


def _new_run_id() -> str:
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What a session has done.

    Args:
        run_id: The run.
        output: The dataset with the results; None if they are in memory.
        scenarios: Scenarios that were finished now.
        skipped: Scenarios that were finished before.
        seconds: How long it took.
        work_seconds: How long the workers were at it, together.
        data_seconds: How much of that went into data.
    """

    run_id: str
    output: str | None
    scenarios: tuple[int, ...]
    skipped: tuple[int, ...]
    seconds: float
    work_seconds: float
    data_seconds: float
    _results: Results = field(repr=False)

    def scan(self) -> pl.LazyFrame:
        """Return all results of the run, those of earlier attempts too, by scenario."""
        return self._results.frame()

    def frame(self) -> pl.DataFrame:
        """Return all results of the run as a table."""
        return self.scan().collect()


@dataclass(frozen=True, slots=True)
class SimulationSession:
    """A study, how to cut it, and who solves it where.

    Args:
        study: Data, time and scenarios.
        config: Mode and lengths.
        solve: The solver: a function at the top of a module; see `Solve`.
        executor: Any `concurrent.futures.Executor`: threads, processes, `Client.get_executor()` of Dask,
            a `RayExecutor`. None solves here, one item after the other.
        materialization: When, and how much of, the data comes into memory.
        run_id: Names the run; with the name of an earlier one, only what it lacks is solved.
        output: The dataset for the results, `run_id=…/scenario=…`; None keeps them in memory.
        refuse_nan: Whether NaN in the data stops the session before it starts.
        cache_bytes: The budget of decoded values in each worker; None leaves the default.
        mapped_folder: Where the MMAP strategy keeps its files; beside the series if none is given.
        max_in_flight: Work items that are submitted and unfinished; twice the workers if none is given.
        progress: Called after each item. Without it a terminal shows a bar.
        patience_seconds: How long a Dask cluster may be without any worker, once it has had one, before
            the session gives up; None waits for ever.

    **Guarantees:** with an output, a scenario's results are there whole and durable or not at all. An
    error, a kill or a lost worker costs only the scenarios that were not finished; the same run_id goes
    on.
    """

    study: Study
    config: ResolutionConfig
    solve: Solve
    executor: Executor | None = None
    materialization: MaterializationStrategy = MaterializationStrategy.NONE
    run_id: str = field(default_factory=_new_run_id)
    output: str | os.PathLike[str] | None = None
    refuse_nan: bool = False
    cache_bytes: int | None = None
    mapped_folder: str | None = None
    max_in_flight: int | None = None
    progress: Callable[[Progress], None] | None = None
    patience_seconds: float | None = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        encode_segment("run_id", self.run_id)  # a run that cannot name a folder is refused here
        if self.materialization not in set(MaterializationStrategy):
            names = ", ".join(strategy.name for strategy in MaterializationStrategy)
            raise ParameterError(
                f"{self.materialization!r} is no MaterializationStrategy; these are {names}. Nothing "
                "was solved. Give MaterializationStrategy.NONE, for one."
            )
        if self.executor is not None and not hasattr(self.executor, "submit"):
            raise ParameterError(
                f"An executor takes work by `submit`, and {type(self.executor).__name__} does not. "
                "Nothing was solved. Give a process or thread pool, what a Dask client gives by "
                "get_executor(), a RayExecutor, or None."
            )

    def preflight(self) -> list[Finding]:
        """Return why the study could not be solved with its data; nothing if it can.

        Checked are rows, columns, number types and nulls, for the last step and every scenario, and NaN
        where it is refused.
        """
        last, ids = self.study.time_scope.last, self.study.scenario_ids
        return self.study.database.find_problems(last, ids, refuse_nan=self.refuse_nan)

    def run(self) -> SessionReport:
        """Solve what is not solved yet, and return a report that leads to the results.

        Raises:
            SchemaMismatchError: The preflight found something; nothing was solved.
            ParameterError: The run was begun with other settings, or the solver cannot be sent.
            ExecutorError: An item failed: it is named, the rest is cancelled, what is finished is kept.
        """
        raise_findings(
            self.preflight(), f"Run {self.run_id!r} was not started: nothing was solved."
        )
        began = time.perf_counter()
        with self._place() as (results, new_path):
            done = results.finished() & set(self.study.scenario_ids)
            due = [scenario for scenario in self.study.scenario_ids if scenario not in done]
            tally = Tally(self.run_id, len(self.study.scenario_ids), len(done))
            if due:
                self._solve(due, results, new_path, tally)
            return SessionReport(
                run_id=self.run_id,
                output=None if self.output is None else os.fspath(self.output),
                scenarios=tuple(due),
                skipped=tuple(sorted(done)),
                seconds=time.perf_counter() - began,
                work_seconds=tally.work_seconds,
                data_seconds=tally.data_seconds,
                _results=results,
            )

    @contextmanager
    def _place(self) -> Iterator[tuple[Results, Callable[[], str]]]:
        """Give the results, and names for files that live as long as the session."""
        with ExitStack() as stack:
            if self.output is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parquetry-"))
                numbers = count()
                yield MemoryResults(self.run_id), lambda: f"{folder}/new-{next(numbers)}"
                return
            home, storage = Home.of(self.output), LocalStorage()
            staging = stack.enter_context(open_staging(home, storage))
            results = DatasetResults(home, storage, staging, self.run_id)
            results.begin(self._record())
            yield results, staging.new_path

    def _record(self) -> RunRecord:
        config, scope = self.config, self.study.time_scope
        settings = {
            "mode": config.mode,
            "block_length": config.block_length,
            "block_overlap": config.block_overlap,
            "carry_over_length": config.carry_over_length,
            "first_step": scope.first,
            "last_step": scope.last,
        }
        return RunRecord(
            settings, getattr(self.solve, "__qualname__", type(self.solve).__qualname__)
        )

    def _solve(
        self, due: list[int], results: Results, new_path: Callable[[], str], tally: Tally
    ) -> None:
        database = prepare(self.study, self.materialization, self.mapped_folder)
        cargo = pack(Load(self.solve, database, self.cache_bytes), self.executor, new_path)
        load_own = self.materialization is MaterializationStrategy.PER_WORKER
        items = plan_items(self.study, self.config, due, load_own=load_own)
        tally.all_blocks = sum(len(item.blocks) for item in items)
        assembly = Assembly(items, due)
        with shown(self.progress) as show, closing(self._run(items, cargo)) as outcomes:
            show(tally.state())
            for outcome in outcomes:
                if isinstance(outcome, Failure):
                    raise self._failed(outcome, results, tally) from outcome.error
                item, result = outcome
                for scenario, table in assembly.add(item, result):
                    results.keep(scenario, table)
                    tally.scenarios += 1
                    tally.kept += 1
                tally.add(item, result)
                show(tally.state())

    def _run(
        self, items: list[WorkItem], cargo: Cargo
    ) -> Generator[tuple[WorkItem, WorkResult] | Failure[WorkItem]]:
        task = partial(run_item, cargo=cargo)
        limits = self.max_in_flight, self.patience_seconds
        return run_in_flight(self.executor, task, items, *limits)

    def _failed(self, failure: Failure[WorkItem], results: Results, tally: Tally) -> ExecutorError:
        """Return the error of a session: what failed, and what is kept."""
        error = failure.error
        if isinstance(error, ExecutorError):
            found = error
        else:
            others = (
                f" (with {len(failure.others)} other items in flight)" if failure.others else ""
            )
            reason = (
                str(error)
                if isinstance(error, ParquetryError)
                else f"{type(error).__name__}: {error}"
            )
            task = str(failure.item)
            found = ExecutorError(f"{task.capitalize()} was lost{others}: {reason}", task=task)
        found.outcome = (
            "changed" if isinstance(results, DatasetResults) and tally.kept else "unchanged"
        )
        kept = f"{tally.scenarios} of {tally.all_scenarios} scenarios are finished"
        if isinstance(results, DatasetResults):
            kept += f" and kept in {self.output}; run again with run_id={self.run_id!r} to go on"
            found.path = os.fspath(str(self.output))
        else:
            kept += " and were not kept, for the session has no output"
        found.message = f"{found.message.rstrip('.')}. The rest was cancelled. {kept}."
        return found
