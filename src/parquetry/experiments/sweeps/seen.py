"""The plan of a sweep that nobody declared: every grid with every seed that was ever seen."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from parquetry.errors import NotFoundError
from parquetry.experiments.grids import GRIDS, grid_file, read_grid
from parquetry.experiments.sweeps.plan import Plan
from parquetry.model.hive import decode_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parquetry.experiments.sweeps.unit import UnitKey
    from parquetry.storage.protocol import Storage


def seen_plan(store: str, storage: Storage, units: Iterable[UnitKey]) -> Plan:
    """Return all grids of `grids/` and of the units, with all seeds of the units, in their order.

    Its indices move when a grid or a seed comes, so they are no names for anybody else.
    """
    units = list(units)
    grids = sorted({*_kept_grids(store, storage), *(grid_id for grid_id, _ in units)})
    seeds = sorted({seed for _, seed in units})

    @cache
    def read_params(grid_id: str) -> Mapping[str, Any]:
        params: dict[str, Any] = read_grid(storage, grid_file(store, grid_id))["params"]
        return params

    return Plan(tuple((grid_id, seed) for grid_id in grids for seed in seeds), read_params)


def _kept_grids(store: str, storage: Storage) -> list[str]:
    try:
        entries = storage.list_folder(f"{store}/{GRIDS}")
    except NotFoundError:
        return []
    segments = (decode_segment(entry.name) for entry in entries if entry.kind == "folder")
    return [s.text for s in segments if s is not None and s.key == "grid_id" and s.text is not None]
