"""Converting a folder of CSVs: `convert`, the whole story on one screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, ParameterError, RequestError
from parquetry.experiments.conversion.converting_grid import convert_grid
from parquetry.experiments.conversion.other_records import left_over_grids
from parquetry.experiments.conversion.planning import Target, plan_conversion
from parquetry.experiments.conversion.reports import ConversionReport
from parquetry.storage.folders import find_stat
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.experiments.conversion.granularity import Granularity
    from parquetry.experiments.writing import PartitionBy
    from parquetry.storage.protocol import Storage

_GRANULARITIES = ("event", "seed")


def convert(
    csv_dir: str | os.PathLike[str],
    base_out: str | os.PathLike[str],
    *,
    granularity: Granularity = "seed",
    dry_run: bool = False,
    partition_by: PartitionBy = None,
    pattern: str = "*.csv",
    on_progress: Callable[[int, int, str], None] | None = None,
    storage: Storage | None = None,
) -> ConversionReport:
    """Convert the CSV runs below a folder into experiments, and return what was done.

    Each CSV gets its parameters and its seed by the rules in `rules.RULES`, and is read strictly. A
    CSV that is not right is named in the report with the reason, and the rest is converted.

    **Guarantees:** each unit, one grid and seed, is there whole or not at all. A CSV that has not
    changed since the last conversion is not written again. No CSV is ever changed.

    **Cost:** every CSV is read to see whether it changed; those that did are parsed and written.

    Args:
        csv_dir: The folder of the CSVs.
        base_out: The store; made if absent.
        granularity: `event` makes every row an event, `seed` one summary row of each seed.
        dry_run: Whether to read and check everything and write nothing; the report then says what
            would be written, and why each run has the parameters that it has.
        partition_by: The folder keys of a new dataset; see `write_event_rows`.
        pattern: Which files are runs, by their names; for folders with other CSVs among them.
        on_progress: Called with how many CSVs are done, how many there are, and the last one.
        storage: The disk; the local one if not given.

    Raises:
        NotFoundError: The folder of the CSVs does not exist.
        ParameterError: The granularity is unknown.
        StorageError: The store's disk refused; what was written before stays, and converting again
            goes on from there.
    """
    target = make_target(csv_dir, base_out, granularity, partition_by, pattern)
    disk = storage or LocalStorage()
    check_folders(target, disk)
    plan = plan_conversion(target, disk)
    total = sum(len(grid.runs) for grid in plan.grids)
    count = 0

    def done(csv: str) -> None:
        nonlocal count
        count += 1
        if on_progress is not None:
            on_progress(count, total, csv)

    outcomes = [
        convert_grid(grid, target, disk, dry_run=dry_run, on_csv=done) for grid in plan.grids
    ]
    runs = [run for outcome in outcomes for run in outcome.runs]
    bad = [*plan.bad, *(bad for outcome in outcomes for bad in outcome.bad)]
    remarks = [*plan.remarks, *(one for outcome in outcomes for one in outcome.remarks)]
    remarks += left_over_grids(target, {grid.grid_id for grid in plan.grids}, disk)
    return ConversionReport(
        target.csv_dir,
        target.base_out,
        granularity,
        dry_run,
        tuple(sorted(runs, key=lambda run: (run.csv, run.grid_id))),
        tuple(sorted(bad, key=lambda one: one.path)),
        tuple(remarks),
    )


def make_target(
    csv_dir: str | os.PathLike[str],
    base_out: str | os.PathLike[str],
    granularity: Granularity,
    partition_by: PartitionBy = None,
    pattern: str = "*.csv",
) -> Target:
    """Return the paths as the disk has them, and the choices, checked.

    Raises:
        ParameterError: The granularity is unknown.
    """
    if granularity not in _GRANULARITIES:
        raise ParameterError(
            f"granularity={granularity!r} is unknown; expected 'event' or 'seed'. Nothing was "
            "converted."
        )
    return Target(_absolute(csv_dir), _absolute(base_out), granularity, partition_by, pattern)


def check_folders(target: Target, storage: Storage) -> None:
    """Raise unless there is a folder of CSVs, and one of the store or nothing.

    Raises:
        NotFoundError: There is no folder of CSVs.
        RequestError: A file stands where a folder is meant.
        StorageError: It may not be looked at.
    """
    for path, what in ((target.csv_dir, "the CSVs stand in"), (target.base_out, "is the store")):
        if os.path.isfile(path):
            raise RequestError(
                f"{path} is a file. Nothing was converted. Name the folder that {what}.", path=path
            )
    if find_stat(storage, target.csv_dir) is None:
        raise NotFoundError(
            f"There is no folder of CSVs at {target.csv_dir}: it does not exist. Nothing was converted. "
            "Check the path.",
            path=target.csv_dir,
        )


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.realpath(os.fspath(path)).replace(os.sep, "/")
