"""Which CSVs belong to which grid, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parquetry.errors import CorruptionError, ParameterError, ParquetryError
from parquetry.experiments.conversion.discovering import discover, discover_some
from parquetry.experiments.conversion.granularity import GRID_ID
from parquetry.experiments.conversion.reading_csv import read_csv, read_header
from parquetry.experiments.conversion.reports import BadFile, Reason, Remark
from parquetry.experiments.hashing import digest_params
from parquetry.experiments.writing import WIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl

    from parquetry.experiments.conversion.discovering import Discovery, FoundRun
    from parquetry.experiments.conversion.granularity import Granularity
    from parquetry.experiments.hashing import ParamsDigest
    from parquetry.experiments.writing import PartitionBy
    from parquetry.storage.protocol import Storage

_HEADER_BYTES = 65_536
_NO_PARAMETERS = (
    "{csv} has no parameters: there is no params.json, config.yaml or the like beside it, below it or "
    "above it, its folders' names say nothing, and it has no column grid_id. Nothing of it was "
    "converted. Put its parameters into a params.json beside it, or into its folder's name "
    "(gamma=0.5), and convert again."
)


@dataclass(frozen=True, slots=True)
class Target:
    """From where to where, and as what.

    Args:
        csv_dir: The folder of the CSVs, as an absolute path.
        base_out: The store, as an absolute path.
        granularity: Whether rows become events or one summary a seed.
        partition_by: The folder keys of a new dataset.
        pattern: Which files are runs, by their names.
    """

    csv_dir: str
    base_out: str
    granularity: Granularity
    partition_by: PartitionBy = None
    pattern: str = "*.csv"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A CSV, or what of it belongs to one grid.

    Args:
        csv: Its path below the root.
        seed: Its seed, unless its rows name their own.
        own_grid: The `grid_id` of the rows that are meant, if the rows name theirs.
        reasons: Where its parameters and its seed come from.
    """

    csv: str
    seed: int
    own_grid: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class GridPlan:
    """The CSVs of one parameter set.

    Args:
        grid_id: Its id.
        digest: The hash of its parameters in full.
        params: The parameters.
        runs: Its CSVs.
    """

    grid_id: str
    digest: str
    params: Mapping[str, Any]
    runs: tuple[PlannedRun, ...]


@dataclass(frozen=True, slots=True)
class ConversionPlan:
    """All grids below a folder.

    Args:
        grids: The grids, by id.
        bad: What cannot be converted, and why.
        remarks: What was left alone on purpose.
    """

    grids: tuple[GridPlan, ...]
    bad: tuple[BadFile, ...]
    remarks: tuple[Remark, ...]


def plan_conversion(target: Target, storage: Storage) -> ConversionPlan:
    """Return the grids below the folder; nothing is written.

    **Cost:** each parameter file and each CSV is read once.
    """
    found = discover(target.csv_dir, storage, pattern=target.pattern, leave_out=target.base_out)
    return _planned(found, storage)


def plan_some(target: Target, csvs: Iterable[str], storage: Storage) -> ConversionPlan:
    """Return the grids of some CSVs, as they are now."""
    return _planned(discover_some(target.csv_dir, csvs, storage), storage)


def _planned(found: Discovery, storage: Storage) -> ConversionPlan:
    bad = list(found.bad)
    grids: dict[tuple[str, str], GridPlan] = {}
    for run in found.runs:
        try:
            for grid in _grids_of(run, found.root, storage):
                known = grids.get((grid.grid_id, grid.digest), grid)
                runs = known.runs if known is grid else known.runs + grid.runs
                grids[grid.grid_id, grid.digest] = replace(known, runs=runs)
        except ParquetryError as error:
            bad.append(BadFile(run.csv, str(error)))
    in_order = tuple(grids[key] for key in sorted(grids))
    return ConversionPlan(_with_names(in_order), tuple(bad), found.skipped)


def _with_names(grids: tuple[GridPlan, ...]) -> tuple[GridPlan, ...]:
    """Return the grids with longer ids where two share a short one, as writing them will have it."""
    ids = [grid.grid_id for grid in grids]
    return tuple(
        replace(grid, grid_id=grid.digest[:12])
        if ids.index(grid.grid_id) != place and grid.digest.startswith(grid.grid_id)
        else grid
        for place, grid in enumerate(grids)
    )


def _grids_of(run: FoundRun, root: str, storage: Storage) -> Iterator[GridPlan]:
    params = {key: value for key, value in run.deduction.params.items() if key != GRID_ID}
    own = _own_grids(run.csv, root, storage)
    if own is None:
        digest = digest_params(run.deduction.params)
        if digest.canonical == "{}":
            raise ParameterError(_NO_PARAMETERS.format(csv=run.csv))
        yield _grid(digest, run.deduction.params, run, None)
        return
    for grid_id, columns in own.items():
        members = {**columns, **params, GRID_ID: grid_id}
        yield _grid(digest_params(members), members, run, grid_id)


def _grid(
    digest: ParamsDigest, params: Mapping[str, Any], run: FoundRun, own: str | None
) -> GridPlan:
    planned = PlannedRun(run.csv, run.deduction.seed, own, _reasons(run))
    return GridPlan(digest.grid_id, digest.digest, params, (planned,))


def _own_grids(csv: str, root: str, storage: Storage) -> dict[str, dict[str, Any]] | None:
    """Return the grids that the rows name, with the parameters that stand in columns, or None."""
    content = storage.read_bytes(f"{root}/{csv}")
    if GRID_ID.encode() not in content[:_HEADER_BYTES] or GRID_ID not in read_header(content, csv):
        return None
    frame = read_csv(content, csv).frame
    if frame[GRID_ID].null_count():
        at = frame[GRID_ID].is_null().to_list().index(True)
        raise CorruptionError(
            f"{csv}: the column 'grid_id' is empty in its row {at}. Nothing of this file was "
            "converted. Give every row its grid_id, or rename the column if it is none.",
            path=csv,
        )
    return {
        str(rows[GRID_ID][0]): _constants(rows)
        for rows in frame.partition_by(GRID_ID, maintain_order=True)
    }


def _constants(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the known parameters among the columns of one grid that have one value."""
    names = [name for name in WIDE if name in rows.columns and name not in {GRID_ID, "seed"}]
    return {name: rows[name][0] for name in names if rows[name].n_unique() == 1}


def _reasons(run: FoundRun) -> tuple[Reason, ...]:
    taken = ((fact, False) for fact in run.deduction.facts)
    beside = ((fact, True) for fact in run.deduction.overruled)
    return tuple(
        Reason(str(fact.key), repr(fact.value), fact.source, fact.rule, overruled)
        for fact, overruled in (*taken, *beside)
    )
