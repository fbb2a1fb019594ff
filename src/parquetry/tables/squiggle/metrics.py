"""Table 10: scalar metrics in long form."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.squiggle.spine import FACT_SPINE, KEY_SPLITS, RUN_ID, STEP, UTC, table

METRICS_SCALAR = table(
    10,
    "metrics_scalar",
    "scalar metrics, immutable facts",
    "Generic time series of metrics in long form: one row per run, metric, split, sample set and step.",
    (
        RUN_ID,
        *FACT_SPINE,
        STEP,
        column("metric_name", "string", "Name of the metric"),
        column(
            "split",
            "string",
            "Part of the data that it was measured on; `none` stands for no part",
            one_of=KEY_SPLITS,
        ),
        column(
            "sample_set", "string", "Set that it was measured on; `__all__` stands for no one set"
        ),
        column("value", "float64", "The value; NaN is one, NULL is not"),
        column("wall_time_utc", f"{UTC}?", "When it was measured"),
        column("unit", "string?", "Unit of the value"),
    ),
    kind="fact",
    primary_key=("run_id", "metric_name", "split", "sample_set", "step"),
    partition_by=("run_id",),
    sort_by=("metric_name", "step"),
)
