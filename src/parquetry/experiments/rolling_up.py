"""Converting large sweeps with Snakemake: one target a grid, only what changed is done again."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import (
    ExecutorError,
    MissingDependencyError,
    NotFoundError,
    ParameterError,
)
from parquetry.experiments.conversion.converting import check_folders, make_target
from parquetry.experiments.conversion.outcomes import FOLDER_VARIABLE, read_outcomes, read_plan
from parquetry.experiments.conversion.reports import ConversionReport
from parquetry.experiments.conversion.targets import find_targets, target_members
from parquetry.storage.folders import find_stat, make_folders, write_file
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.experiments.conversion.granularity import Granularity
    from parquetry.experiments.conversion.planning import Target
    from parquetry.experiments.writing import PartitionBy
    from parquetry.storage.protocol import Storage

WORKFLOW_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workflow")
SNAKEFILE = os.path.join(WORKFLOW_FOLDER, "Snakefile")
_OPTIONAL = {"granularity": "seed", "partition_by": None, "pattern": "*.csv"}
_SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class RollupReport:
    """What a rollup did, or would do.

    Args:
        grids_converted: The ids of the grids that had changed.
        grids_unchanged: The ids of those that had not; their CSVs were not parsed.
        conversion: What became of the CSVs of the former. In a dry run it has no runs.
    """

    grids_converted: tuple[str, ...]
    grids_unchanged: tuple[str, ...]
    conversion: ConversionReport


def rollup(
    csv_dir: str | os.PathLike[str],
    base_out: str | os.PathLike[str],
    *,
    cores: int = 1,
    granularity: Granularity = "seed",
    dry_run: bool = False,
    partition_by: PartitionBy = None,
    pattern: str = "*.csv",
) -> RollupReport:
    """Convert what has changed below a folder, grid by grid in parallel, and return what was done.

    The workflow is `workflow/Snakefile`, which can be run by itself on a cluster. A grid is
    converted again if a CSV of it has changed, came or went, or if its units are gone.

    **Guarantees:** those of `convert`; a grid with a bad CSV is looked at again the next time.

    **Cost:** a process a grid that changed. To see what changed, the folders are listed and every
    CSV is read, but only those that changed are parsed.

    Args:
        csv_dir: The folder of the CSVs.
        base_out: The store; made if absent.
        cores: How many grids are converted at a time.
        granularity: `event` makes every row an event, `seed` one summary row of each seed.
        dry_run: Whether only to say which grids would be converted.
        partition_by: The folder keys of a new dataset; see `write_event_rows`.
        pattern: Which files are runs, by their names.

    Raises:
        MissingDependencyError: Snakemake is not installed.
        NotFoundError: The folder of the CSVs does not exist.
        ParameterError: An argument is not accepted.
        ExecutorError: The workflow failed; what was converted before stays, and a rollup goes on
            from there.
    """
    if type(cores) is not int or cores < 1:
        raise ParameterError(f"cores={cores!r} is no number of processes; expected 1 or more.")
    target = make_target(csv_dir, base_out, granularity, partition_by, pattern)
    storage = LocalStorage()
    check_folders(target, storage)
    if dry_run:
        return _foreseen(target, storage)
    if importlib.util.find_spec("snakemake") is None:
        raise MissingDependencyError.of("snakemake", "snakemake", "rollup")
    with tempfile.TemporaryDirectory(prefix="parquetry-rollup-") as folder:
        finished = _run_snakemake(target, cores, folder, storage)
        return _report(target, folder, finished, storage)


def configured_target(config: Mapping[str, Any]) -> Target:
    """Return what a workflow's configuration asks for.

    Raises:
        ParameterError: `csv_dir` or `base_out` is missing, or a key is not known.
    """
    unknown = sorted(set(config) - {"csv_dir", "base_out", *_OPTIONAL})
    missing = [key for key in ("csv_dir", "base_out") if not config.get(key)]
    if unknown or missing:
        told = f"lacks {' and '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise ParameterError(
            f"The workflow's configuration {told}. Nothing was converted. Run it with --config "
            "base_out=my_results csv_dir=my_experiments, or with a --configfile; "
            f"known are csv_dir, base_out, {', '.join(_OPTIONAL)}."
        )
    options = {**_OPTIONAL, **config}
    return make_target(
        str(options["csv_dir"]),
        str(options["base_out"]),
        options["granularity"],
        options["partition_by"],
        str(options["pattern"]),
    )


def _foreseen(target: Target, storage: Storage) -> RollupReport:
    targets = find_targets(target, storage)
    return RollupReport(
        tuple(grid.grid_id for grid in targets.grids if not grid.is_done),
        tuple(grid.grid_id for grid in targets.grids if grid.is_done),
        ConversionReport(
            target.csv_dir,
            target.base_out,
            target.granularity,
            dry_run=True,
            runs=(),
            bad_files=targets.bad,
            remarks=targets.remarks,
        ),
    )


def _run_snakemake(
    target: Target, cores: int, folder: str, storage: Storage
) -> subprocess.CompletedProcess[str]:
    state = f"{target.base_out}/.parquetry/conversions/snakemake"
    make_folders(storage, state)
    config = f"{folder}/config.json"
    chosen = {key: value for key, value in target_members(target).items() if value is not None}
    write_file(storage, config, json.dumps(chosen).encode())
    command = [sys.executable, "-m", "snakemake", "--snakefile", SNAKEFILE, "--cores", str(cores)]
    # Units and markers are atomic: neither a lock that a killed run left nor a job that it did not
    # finish is in the way of the next.
    command += ["--configfile", config, "--directory", state]
    command += [
        "--keep-going",
        "--rerun-incomplete",
        "--nolock",
        "--quiet",
        "progress",
        "rules",
        "host",
        "reason",
    ]
    environment = {**os.environ, FOLDER_VARIABLE: folder}
    return subprocess.run(  # noqa: S603  our own interpreter, and paths that are no shell text
        command, env=environment, capture_output=True, text=True, check=False
    )


def _report(
    target: Target, folder: str, finished: subprocess.CompletedProcess[str], storage: Storage
) -> RollupReport:
    try:
        grids, bad, remarks = read_plan(folder, storage)
    except NotFoundError:
        raise _failed(target, finished) from None
    outcomes = read_outcomes(folder, storage)
    runs = [run for outcome in outcomes.values() for run in outcome.runs]
    all_bad = [*bad, *(one for outcome in outcomes.values() for one in outcome.bad)]
    # A job that met bad files has told so; one that failed otherwise left neither word nor marker.
    unfinished = [
        grid_id
        for grid_id, marker in grids.items()
        if grid_id not in outcomes and find_stat(storage, marker) is None
    ]
    if unfinished:
        raise _failed(target, finished)
    conversion = ConversionReport(
        target.csv_dir,
        target.base_out,
        target.granularity,
        dry_run=False,
        runs=tuple(sorted(runs, key=lambda run: (run.csv, run.grid_id))),
        bad_files=tuple(sorted(all_bad, key=lambda one: one.path)),
        remarks=(*remarks, *(one for outcome in outcomes.values() for one in outcome.remarks)),
    )
    unchanged = tuple(grid for grid in grids if grid not in outcomes)
    return RollupReport(tuple(sorted(outcomes)), unchanged, conversion)


def _failed(target: Target, finished: subprocess.CompletedProcess[str]) -> ExecutorError:
    said = "\n".join(finished.stderr.strip().splitlines()[-_SHOWN_LINES:])
    return ExecutorError(
        f"The workflow that converts {target.csv_dir} into {target.base_out} ended with code "
        f"{finished.returncode}. Grids that were converted before stay; run it again to go on. "
        f"Snakemake said:\n{said}",
        outcome="unknown",
        path=target.base_out,
        task="snakemake",
    )
