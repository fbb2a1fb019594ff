"""The targets of the workflow: one a grid, each with a file that changes when its inputs do.

Beside the marker that says "done" stands a manifest with the CSVs of the grid, their sizes and
times. It is only written when it has changed, so that its own time tells what is to be done again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import CorruptionError, NotFoundError
from parquetry.experiments.conversion.other_records import left_over_grids
from parquetry.experiments.conversion.planning import GridPlan, Target, plan_conversion, plan_some
from parquetry.experiments.conversion.records import (
    conversions_folder,
    is_there,
    read_records,
    replace_file,
)
from parquetry.storage.folders import find_stat, make_folders

if TYPE_CHECKING:
    from parquetry.experiments.conversion.reports import BadFile, Remark
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class GridTarget:
    """What the workflow knows of one grid.

    Args:
        grid_id: Its id.
        manifest: The file with its CSVs.
        marker: The file that is made when it is converted.
        content: What the manifest has to say.
        is_done: Whether nothing has changed since it was converted.
    """

    grid_id: str
    manifest: str
    marker: str
    content: bytes
    is_done: bool


@dataclass(frozen=True, slots=True)
class Targets:
    """All grids below a folder, and what cannot be converted.

    Args:
        grids: The targets by id.
        bad: What cannot be converted, and why.
        remarks: What was left alone, or is left over.
    """

    grids: tuple[GridTarget, ...]
    bad: tuple[BadFile, ...]
    remarks: tuple[Remark, ...]


def find_targets(target: Target, storage: Storage) -> Targets:
    """Return the targets as they are now; nothing is written.

    Raises:
        NotFoundError: The folder of the CSVs does not exist.
    """
    plan = plan_conversion(target, storage)
    grids = tuple(_grid_target(grid, target, storage) for grid in plan.grids)
    left = left_over_grids(target, {grid.grid_id for grid in grids}, storage)
    return Targets(grids, plan.bad, (*plan.remarks, *left))


def prepare_targets(target: Target, storage: Storage) -> Targets:
    """Return the targets, with manifests that are true, and no marker where units are missing."""
    targets = find_targets(target, storage)
    make_folders(storage, _folder(target))
    for grid in targets.grids:
        replace_file(storage, grid.manifest, grid.content)
        if not grid.is_done:
            with suppress(NotFoundError):
                storage.unlink(grid.marker)
    return targets


def read_manifest(path: str, storage: Storage) -> tuple[Target, GridPlan]:
    """Return the grid that a manifest is about, as its CSVs and their parameters are now.

    Raises:
        NotFoundError: There is no such manifest, or none of its CSVs belongs to the grid any more.
        CorruptionError: It is no manifest.
    """
    try:
        document = json.loads(storage.read_bytes(path))
        target = _target(document["target"])
        grid_id, csvs = str(document["grid_id"]), list(document["csvs"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptionError(
            f"The manifest {path} cannot be read. Nothing was converted. Delete it: it is made "
            "again when the workflow runs.",
            path=path,
        ) from error
    for grid in plan_some(target, csvs, storage).grids:
        if grid.digest == document["digest"]:
            return target, GridPlan(grid_id, grid.digest, grid.params, grid.runs)
    raise NotFoundError(
        f"None of the CSVs of grid {grid_id} belongs to it any more: {', '.join(csvs)}. Nothing was "
        "converted. Run the workflow again; it looks for the parameters anew.",
        path=path,
    )


def _grid_target(grid: GridPlan, target: Target, storage: Storage) -> GridTarget:
    stem = f"{_folder(target)}/{grid.grid_id}"
    content = _manifest(grid, target, storage)
    records = read_records(target, grid.grid_id, storage)
    is_done = (
        find_stat(storage, f"{stem}.done") is not None
        and _content(storage, f"{stem}.json") == content
        and bool(records)
        and all(is_there(record, storage) for record in records.values())
    )
    return GridTarget(grid.grid_id, f"{stem}.json", f"{stem}.done", content, is_done)


def _manifest(grid: GridPlan, target: Target, storage: Storage) -> bytes:
    facts = {run.csv: find_stat(storage, f"{target.csv_dir}/{run.csv}") for run in grid.runs}
    document = {
        "target": target_members(target),
        "grid_id": grid.grid_id,
        "digest": grid.digest,
        "csvs": {
            csv: [] if fact is None else [fact.size, fact.mtime_ns] for csv, fact in facts.items()
        },
        "seeds": {run.csv: run.seed for run in grid.runs},
    }
    return json.dumps(document, indent=1).encode()


def target_members(target: Target) -> dict[str, Any]:
    """Return a target as JSON holds it."""
    keys = target.partition_by
    return {
        "csv_dir": target.csv_dir,
        "base_out": target.base_out,
        "granularity": target.granularity,
        "partition_by": keys if keys is None or isinstance(keys, str) else list(keys),
        "pattern": target.pattern,
    }


def _target(members: dict[str, Any]) -> Target:
    return Target(**members)


def _content(storage: Storage, path: str) -> bytes | None:
    try:
        return storage.read_bytes(path)
    except NotFoundError:
        return None


def _folder(target: Target) -> str:
    return f"{conversions_folder(target)}/targets"
