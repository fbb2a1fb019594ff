"""Good rows of every table, built from the schema, for tests that then spoil them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from parquetry.tables import TableSchema
from parquetry.tables.columns import Column
from parquetry.tables.exports_arrow import polars_schema

MOMENT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)

SPECIAL: dict[str, dict[str, Any]] = {
    "checkpoints": {"ckpt_path": "c.pt"},
    "geometry_state": {"d": 4, "eff_rank": 2.0},
    "geometry_dynamics": {"step": 20, "step_prev": 10, "dt_steps": 10},
    "events_candidates": {
        "event_type": "change_point",
        "metric": "eff_rank",
        **dict.fromkeys(
            (
                "metric_sizes_json",
                "metric_z_json",
                "baseline_median_json",
                "baseline_mad_json",
                "volatility_event_json",
                "volatility_baseline_json",
                "volatility_ratio_json",
            )
        ),
    },
    "events": {"n_runs": 4, "n_support": 3, "support_frac": 0.75},
    "signatures": {"signature_vector": [3.0, 4.0], "signature_norm": 5.0},
    "embeddings": {"d": 2, "vector": [0.5, 1.5]},
}


def good_row(table: TableSchema, number: int = 0) -> dict[str, Any]:
    """Return one row that breaks no rule; another number gives another key."""
    row = {column.name: _value(table, column) for column in table.columns}
    row |= SPECIAL.get(table.name, {})
    varied = next(
        name
        for name in reversed(table.primary_key)
        if table.column(name).type == "string" and not table.column(name).one_of
    )
    row[varied] = f"{varied}-{number}"
    return row


def good_rows(table: TableSchema, count: int = 1) -> pl.DataFrame:
    """Return so many rows that break no rule, with the table's own types."""
    rows = [good_row(table, number) for number in range(count)]
    return pl.DataFrame(rows, schema=polars_schema(table))


def _value(table: TableSchema, column: Column) -> Any:
    if column.name == "schema_version":
        return table.identifier
    if column.one_of:
        return column.one_of[0]
    if column.holds:
        return "{}"
    kind = column.type
    if kind.startswith("list<"):
        return ["x"] if "string" in kind else [1]
    if kind.startswith("timestamp"):
        return MOMENT
    return {"string": "x", "bool": True}.get(kind, 1)
