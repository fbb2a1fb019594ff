"""`Sweep`: what there is to run, what is done, and who runs what, from files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.canonical import params_members
from parquetry.experiments.seeds import check_seed, rows_of_seed
from parquetry.experiments.sweeps.attempts import Attempts
from parquetry.experiments.sweeps.claiming import Claimer
from parquetry.experiments.sweeps.declaring import plan_grids
from parquetry.experiments.sweeps.failures import read_failure
from parquetry.experiments.sweeps.parameter_sets import list_params, list_seeds
from parquetry.experiments.sweeps.places import Places
from parquetry.experiments.sweeps.plan import PlanPart
from parquetry.experiments.sweeps.plan_files import PlanFiles
from parquetry.experiments.sweeps.presence import Presence
from parquetry.experiments.sweeps.running import run_workers
from parquetry.experiments.sweeps.slurm import array_list
from parquetry.experiments.sweeps.status import status_of
from parquetry.experiments.sweeps.survey import DEFAULT_LEASE_SECONDS, OPEN, Surveyor
from parquetry.experiments.writing import write_event_rows, write_seed_rows
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Unpack

    from parquetry.experiments.conversion.granularity import Granularity
    from parquetry.experiments.hashing import CanonOptions
    from parquetry.experiments.sweeps.claim import Claim
    from parquetry.experiments.sweeps.failures import Failure
    from parquetry.experiments.sweeps.plan import Plan
    from parquetry.experiments.sweeps.status import SweepStatus
    from parquetry.experiments.sweeps.unit import Unit
    from parquetry.experiments.units import Mode
    from parquetry.experiments.writing import PartitionBy, WriteReport
    from parquetry.model.frames import Rows
    from parquetry.storage.protocol import Storage

DEFAULT_NAME = "sweep"
_WRITERS = {"event": write_event_rows, "seed": write_seed_rows}


class Sweep:
    """Parameter sets times seeds, worked off by any number of processes on a shared disk.

    ```python
    sweep = Sweep.declare("results", grid={"algo": ["a", "b"], "gamma": [0.1, 1.0]}, seeds=range(10))
    for claim in sweep.claims():
        with claim as unit:
            sweep.write(unit.params, rows=simulate(unit.params, unit.seed))
    ```

    There is no server and nothing to start: the plan, the claims and the rows are files, and every
    process that sees them can tell how far the sweep is. A sweep that nobody declared has all grids
    of the store with all seeds seen as its units.

    **Guarantees:** a unit is run by one live worker at a time. The unit of a worker that gives no sign
    for its lease is taken over by exactly one other. A declaration is there whole or not at all.

    Args:
        base_out: The store's folder.
        name: The sweep's name in its store.
        storage: The disk; the local one if not given.
    """

    def __init__(
        self,
        base_out: str | os.PathLike[str],
        name: str = DEFAULT_NAME,
        *,
        storage: Storage | None = None,
    ) -> None:
        disk = storage or LocalStorage()
        self._given = (base_out, name, storage)
        self._places = Places.of(base_out, name)
        self._storage = disk
        self._plans = PlanFiles(self._places, disk)
        self._attempts = Attempts(self._places.attempts, disk)
        presence = Presence(self._places.store, disk)
        self._surveyor = Surveyor(self._places, disk, self._plans, self._attempts, presence)
        self._claimer = Claimer(self._places, disk, self._surveyor, self._attempts, presence)

    @classmethod
    def declare(
        cls,
        base_out: str | os.PathLike[str],
        params: Iterable[Any] | None = None,
        *,
        grid: Mapping[str, Iterable[Any]] | None = None,
        seeds: Iterable[int],
        name: str = DEFAULT_NAME,
        storage: Storage | None = None,
        **options: Unpack[CanonOptions],
    ) -> Sweep:
        """Return the sweep whose plan has all these units; those that it has already stay in place.

        Every job of an array may declare the same sweep: the first one writes it down.

        **Guarantees:** the plan is durable when this returns. An index never means another unit later.

        **Cost:** one small file, and one a new grid in `grids/`.

        Args:
            base_out: The store's folder; made if absent.
            params: Parameter sets, with or without their `grid_id`.
            grid: Instead of them, values for each key, all combinations of which are meant.
            seeds: The seeds of every parameter set.
            name: The sweep's name in its store.
            storage: The disk; the local one if not given.
            options: What is chosen about the canonical form, as for `attach_grid_id`; whoever writes the
                rows chooses the same.

        Raises:
            ParameterError: A value is refused, or two sets differ only in what is no part of an id.
            StorageError: The disk refused.
        """
        sweep = cls(base_out, name, storage=storage)
        sets, listed = list_params(params, grid), list_seeds(seeds)
        plan = sweep._plans.find_plan()
        grids = plan_grids(sweep._places.store, sweep._storage, plan, sets, options)
        sweep._plans.extend(PlanPart(grids, tuple(listed)))
        return sweep

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self._places.name

    def __repr__(self) -> str:
        return f"Sweep({self._places.store!r}, {self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a sweep travel to other processes; it is nothing but where its files are."""
        return (_reopen, self._given)

    def status(self) -> SweepStatus:
        """Return how far the sweep is; a look that changes nothing.

        **Cost:** one walk over the folders of `events/` and `seeds/`; no file of rows is opened unless
        it holds several units.
        """
        return status_of(self._surveyor.survey(), self._places)

    def missing(self) -> list[Unit]:
        """Return the units that somebody has to run: those that are missing, and the stale ones."""
        survey = self._surveyor.survey()
        return [survey.plan.unit(seen.index) for seen in survey.having(*OPEN)]

    def missing_array(self) -> str:
        """Return the indices of what `missing` returns as SLURM's array list, `1-7,12`; "" for none.

        Raises:
            ParameterError: The sweep is not declared, so that an index would not last.
        """
        self._declared_plan()
        return array_list(seen.index for seen in self._surveyor.survey().having(*OPEN))

    def unit(self, index: int) -> Unit:
        """Return a unit by its place in the declared plan, from 0.

        Raises:
            ParameterError: There is no such unit, or the sweep is not declared.
        """
        return self._declared_plan().unit(index)

    def claim_next(
        self, worker: str | None = None, lease_seconds: float = DEFAULT_LEASE_SECONDS
    ) -> Claim | None:
        """Return a claim of a unit that is missing or stale, or None if there is none now.

        Units that others hold are not waited for.

        Args:
            worker: What others shall know this worker by; `user@host:pid` if not given.
            lease_seconds: After how long without a sign of life others may take the unit over.
        """
        return self._claimer.claim_next(worker, lease_seconds)

    def claim(
        self,
        unit: Unit | int,
        worker: str | None = None,
        lease_seconds: float = DEFAULT_LEASE_SECONDS,
    ) -> Claim | None:
        """Return a claim of this unit, or None if it is done, failed, or held by another.

        Args:
            unit: The unit, or its index in the declared plan: that of a task in a SLURM array.
            worker: What others shall know this worker by.
            lease_seconds: After how long without a sign of life others may take the unit over.

        Raises:
            ParameterError: There is no such unit.
        """
        chosen = self.unit(unit) if isinstance(unit, int) else unit
        return self._claimer.claim(chosen.key, worker, lease_seconds)

    def claims(
        self, worker: str | None = None, lease_seconds: float = DEFAULT_LEASE_SECONDS
    ) -> Iterator[Claim]:
        """Yield one claim after the other, until nothing is missing or stale."""
        while (claim := self.claim_next(worker, lease_seconds)) is not None:
            yield claim

    def run(
        self,
        function: Callable[[Unit], Any],
        workers: int = 1,
        *,
        lease_seconds: float = DEFAULT_LEASE_SECONDS,
    ) -> SweepStatus:
        """Call a function with every open unit, and return how far the sweep is then.

        What the function raises is recorded as the failure of its unit, and the run goes on.

        Args:
            function: Runs a unit and writes its rows; with several workers it has to be importable.
            workers: How many processes; one is this one.
            lease_seconds: After how long without a sign of life others may take a unit over.
        """
        run_workers(self, function, workers, lease_seconds)
        return self.status()

    def write(
        self,
        params: Any,
        *,
        rows: Rows,
        seed: int | None = None,
        granularity: Granularity = "event",
        partition_by: PartitionBy = None,
        mode: Mode = "replace",
        **options: Unpack[CanonOptions],
    ) -> WriteReport:
        """Write rows of a run into the store of this sweep, and say what was written.

        It is `write_event_rows` or `write_seed_rows`, and guarantees, costs and raises what these do.
        The plan is not asked: a unit that it lacks is written as well.

        Args:
            params: The parameters, such as those of a claimed unit; with or without their `grid_id`.
            rows: Dicts, a Polars, pandas or Arrow table, or an iterator of batches.
            seed: The seed of all rows; if not given, they or the parameters say it.
            granularity: Whether the rows are events or summaries of seeds.
            partition_by: The folder keys of a new dataset; an existing one keeps its own.
            mode: What to do with a unit that is there already: `replace`, `append`, `skip` or `error`.
            options: What was chosen about the canonical form, as for `declare`.

        Raises:
            ParameterError: The rows say another seed, or an argument is not accepted.
        """
        if granularity not in _WRITERS:
            raise ParameterError(
                f"granularity={granularity!r} is unknown; expected 'event' or 'seed'. Nothing was "
                "written."
            )
        if seed is not None:
            number = check_seed(seed, "written")
            params, rows = {**params_members(params), "seed": number}, rows_of_seed(rows, number)
        return _WRITERS[granularity](
            rows,
            self._places.store,
            params,
            partition_by=partition_by,
            mode=mode,
            storage=self._storage,
            **options,
        )

    def failures(self) -> list[Failure]:
        """Return why units failed, in the order of the plan."""
        survey = self._surveyor.survey()
        return [
            read_failure(self._attempts, survey.plan.unit(seen.index), seen.attempt.number)
            for seen in survey.having("failed")
        ]

    def retry(self, failed: Iterable[Unit] | bool = True) -> list[Unit]:
        """Make failed units missing again, and return them; of two callers each unit goes to one.

        Args:
            failed: Which ones; all if true.
        """
        survey = self._surveyor.survey()
        chosen = None if isinstance(failed, bool) else {unit.key for unit in failed}
        wanted = [
            seen
            for seen in survey.having("failed")
            if (failed if chosen is None else seen.key in chosen)
        ]
        return [
            survey.plan.unit(seen.index)
            for seen in wanted
            if self._attempts.rename(seen.key, seen.attempt.number, "failed", "retried")
        ]

    def _declared_plan(self) -> Plan:
        plan = self._plans.find_plan()
        if plan is None:
            raise ParameterError(
                f"The sweep {self.name!r} is not declared in {self._places.store}, so that its units "
                "have no lasting indices: they would move when a seed comes. Nothing was done. "
                "Declare it: Sweep.declare(base_out, params=[…], seeds=range(10))."
            )
        return plan


def _reopen(base_out: str | os.PathLike[str], name: str, storage: Storage | None) -> Sweep:
    return Sweep(base_out, name, storage=storage)
