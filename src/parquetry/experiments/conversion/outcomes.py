"""What the workflow's processes tell the one that started them: small JSON files in one folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parquetry.experiments.conversion.converting_grid import GridOutcome
from parquetry.experiments.conversion.records import replace_file
from parquetry.experiments.conversion.reports import BadFile, ConvertedRun, Reason, Remark

if TYPE_CHECKING:
    from parquetry.experiments.conversion.targets import Targets
    from parquetry.storage.protocol import Storage

FOLDER_VARIABLE = "PARQUETRY_OUTCOMES"
PLAN = "plan"


def write_plan(folder: str, targets: Targets, storage: Storage) -> None:
    """Tell which grids there are, and what cannot be converted."""
    document = {
        "grids": {grid.grid_id: grid.marker for grid in targets.grids},
        "bad": [asdict(bad) for bad in targets.bad],
        "remarks": [asdict(remark) for remark in targets.remarks],
    }
    _write(folder, PLAN, document, storage)


def write_outcome(folder: str, grid_id: str, outcome: GridOutcome, storage: Storage) -> None:
    """Tell what became of a grid."""
    _write(folder, f"grid-{grid_id}", asdict(outcome), storage)


def read_plan(
    folder: str, storage: Storage
) -> tuple[dict[str, str], tuple[BadFile, ...], tuple[Remark, ...]]:
    """Return what `write_plan` told; the grids come with their markers.

    Raises:
        NotFoundError: It has told nothing.
    """
    document = json.loads(storage.read_bytes(f"{folder}/{PLAN}.json"))
    return document["grids"], _bad(document), _remarks(document)


def read_outcomes(folder: str, storage: Storage) -> dict[str, GridOutcome]:
    """Return what became of the grids that were looked at, by id."""
    outcomes = {}
    for entry in sorted(storage.list_folder(folder)):
        if entry.name.startswith("grid-") and entry.name.endswith(".json"):
            document = json.loads(storage.read_bytes(f"{folder}/{entry.name}"))
            runs = tuple(_run(**fields) for fields in document["runs"])
            grid_id = entry.name.removeprefix("grid-").removesuffix(".json")
            outcomes[grid_id] = GridOutcome(runs, _bad(document), _remarks(document))
    return outcomes


def _write(folder: str, name: str, document: dict[str, Any], storage: Storage) -> None:
    replace_file(storage, f"{folder}/{name}.json", json.dumps(document).encode())


def _bad(document: dict[str, Any]) -> tuple[BadFile, ...]:
    return tuple(BadFile(**fields) for fields in document["bad"])


def _remarks(document: dict[str, Any]) -> tuple[Remark, ...]:
    return tuple(Remark(**fields) for fields in document["remarks"])


def _run(seeds: list[int], reasons: list[dict[str, Any]], **fields: Any) -> ConvertedRun:
    return ConvertedRun(
        seeds=tuple(seeds), reasons=tuple(Reason(**reason) for reason in reasons), **fields
    )
