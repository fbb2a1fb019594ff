"""Experiments: runs whose parameters are their address, events and seeds as Parquet, SQL views.

A parameter set is canonicalized, hashed and thereby named: the same parameters always lead to the
same folder, on any machine and in any run, and other parameters to another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.lazy import lazy_names

if TYPE_CHECKING:
    from parquetry.experiments.connection import (
        create_connection_and_views,
        query_events,
        query_seeds,
    )
    from parquetry.experiments.conversion.converting import convert
    from parquetry.experiments.hashing import attach_grid_id, canonicalize_params, grid_hash
    from parquetry.experiments.rolling_up import rollup
    from parquetry.experiments.sweeps.sweep import Sweep
    from parquetry.experiments.writing import WriteReport, write_event_rows, write_seed_rows

_HOMES = {
    "parquetry.experiments.connection": (
        "create_connection_and_views",
        "query_events",
        "query_seeds",
    ),
    "parquetry.experiments.conversion.converting": ("convert",),
    "parquetry.experiments.hashing": ("attach_grid_id", "canonicalize_params", "grid_hash"),
    "parquetry.experiments.rolling_up": ("rollup",),
    "parquetry.experiments.sweeps.sweep": ("Sweep",),
    "parquetry.experiments.writing": ("WriteReport", "write_event_rows", "write_seed_rows"),
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "Sweep",
    "WriteReport",
    "attach_grid_id",
    "canonicalize_params",
    "convert",
    "create_connection_and_views",
    "grid_hash",
    "query_events",
    "query_seeds",
    "rollup",
    "write_event_rows",
    "write_seed_rows",
]
