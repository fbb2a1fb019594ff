"""What was converted before from CSVs that the grid does not have now: rivals and left-overs."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError
from parquetry.experiments.conversion.records import conversions_folder, is_there, read_records
from parquetry.experiments.conversion.reports import Remark
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from parquetry.experiments.conversion.planning import GridPlan, Target
    from parquetry.experiments.conversion.records import Record
    from parquetry.storage.protocol import Storage


def others_of(grid: GridPlan, records: dict[str, Record], target: Target) -> dict[str, Record]:
    """Return the records of CSVs that are not among the grid's own."""
    own = {f"{target.csv_dir}/{run.csv}" for run in grid.runs}
    return {csv: record for csv, record in records.items() if csv not in own}


def is_rival(csv: str, target: Target, storage: Storage) -> bool:
    """Return whether a CSV still stands for the units that came from it.

    One below the same folder that the search would have found belongs to another grid now, because
    its parameters were changed.
    """
    if find_stat(storage, csv) is None:
        return False
    is_below = csv.startswith(target.csv_dir + "/")
    return not is_below or not fnmatchcase(posixpath.basename(csv).lower(), target.pattern.lower())


def left_over(
    grid_id: str, others: dict[str, Record], target: Target, storage: Storage
) -> Iterator[Remark]:
    """Yield a remark for each CSV whose rows still stand in a grid that it does not belong to."""
    for csv, record in others.items():
        if is_rival(csv, target, storage) or not csv.startswith(target.csv_dir + "/"):
            continue
        why = "does not belong to it any more" if find_stat(storage, csv) is not None else "is gone"
        seeds = ", ".join(map(str, record.seeds))
        yield Remark(
            csv.removeprefix(target.csv_dir + "/"),
            f"was converted as grid {grid_id}, seed {seeds}, and {why}; its rows stay there until "
            "a CSV with the same parameters and seed comes, or they are deleted",
        )


def left_over_grids(target: Target, present: Collection[str], storage: Storage) -> Iterator[Remark]:
    """Yield a remark for each CSV that was converted as a grid that no CSV belongs to now."""
    try:
        names = [entry.name for entry in storage.list_folder(conversions_folder(target))]
    except NotFoundError:
        return
    for grid_id in sorted(name.removesuffix(".json") for name in names if name.endswith(".json")):
        if grid_id not in present:
            records = read_records(target, grid_id, storage)
            there = {csv: one for csv, one in records.items() if is_there(one, storage)}
            yield from left_over(grid_id, there, target, storage)
