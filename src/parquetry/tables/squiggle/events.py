"""Tables 22 and 30: candidates for events in one run, and events that runs agree on."""

from __future__ import annotations

from parquetry.tables.columns import column
from parquetry.tables.rules import Check, NullUnless, SameJsonKeys, SameLength
from parquetry.tables.squiggle.spine import (
    DETECTOR_VERSION,
    INTERPRETATION_SPINE,
    LAYER,
    MODULES,
    RUN_ID,
    STEP,
    table,
)

COMPOSITE = "__composite__"
EVENT_TYPES = ("change_point", "change_point_composite")

_EVENT_ID = column("event_id", "string", "ID of the event", high_cardinality=True)
_START = column(
    "start_step", "int64?", "First step of the window", unit="steps", high_cardinality=True
)
_END = column("end_step", "int64?", "Last step of the window", unit="steps", high_cardinality=True)
_WINDOW = (Check("start_step <= step"), Check("step <= end_step"))

_SINGLE = {
    "metric_size": "Size of the change of the metric",
    "metric_z": "Size of the change in robust standard deviations",
    "baseline_median": "Median of the metric before the event",
    "baseline_mad": "Median absolute deviation of the metric before the event",
    "volatility_event": "Volatility of the metric within the window",
    "volatility_baseline": "Volatility of the metric before the event",
    "volatility_ratio": "`volatility_event` over `volatility_baseline`",
    "volatility_ratio_agg": "Ratio of the volatilities, aggregated",
}
_COMPOSITE = {
    "metric_sizes_json": "Sizes of the changes",
    "metric_z_json": "Sizes of the changes in robust standard deviations",
    "baseline_median_json": "Medians before the event",
    "baseline_mad_json": "Median absolute deviations before the event",
    "volatility_event_json": "Volatilities within the window",
    "volatility_baseline_json": "Volatilities before the event",
    "volatility_ratio_json": "Ratios of the volatilities",
}

EVENTS_CANDIDATES = table(
    22,
    "events_candidates",
    "Layer C candidates, interpretation",
    "Candidate event windows of one run, detected in the time series of its geometry: "
    "`change_point` of a single metric, `change_point_composite` of several.",
    (
        RUN_ID,
        *INTERPRETATION_SPINE,
        _EVENT_ID,
        LAYER,
        column("metric", "string", f"Metric that it was found in; `{COMPOSITE}` for several"),
        STEP,
        _START,
        _END,
        column("event_type", "string", "Kind of event", one_of=EVENT_TYPES),
        column("score", "float32", "How strong the event is"),
        column("magnitude", "float32?", "Part of the score: how much changed"),
        column("structure_modifier", "float32?", "Part of the score: weight of the structure"),
        column(
            "magnitude_eff",
            "float32?",
            "Part of the score: `magnitude` weighted by `structure_modifier`",
        ),
        column("coherence", "float32?", "Part of the score: how consistent the change is"),
        column("novelty", "float32?", "Part of the score: how unlike other events it is"),
        *(column(name, "float32?", told) for name, told in _SINGLE.items()),
        *(
            column(name, "string?", f"{told}, by metric, as JSON", high_cardinality=True)
            for name, told in _COMPOSITE.items()
        ),
    ),
    kind="interpretation",
    primary_key=("run_id", "analysis_id", "event_id"),
    rules=(
        *_WINDOW,
        Check(
            f"(event_type = 'change_point_composite') = (metric = '{COMPOSITE}')",
            f"Composite events, and they alone, have the metric `{COMPOSITE}`.",
        ),
        NullUnless(tuple(_SINGLE), "event_type", "change_point"),
        NullUnless(tuple(_COMPOSITE), "event_type", "change_point_composite"),
        SameJsonKeys(tuple(_COMPOSITE)),
    ),
    partition_by=("run_id", "analysis_id"),
    sort_by=("layer", "metric", "step"),
)

EVENTS = table(
    30,
    "events",
    "events, interpretation",
    "Consensus events, typically across seeds or tests; they may name the candidates behind them.",
    (
        *INTERPRETATION_SPINE,
        _EVENT_ID,
        column("test_id", "string?", "Test or campaign that it was found in"),
        column("run_id", "string?", "Run, if it is of one"),
        column("event_type", "string", "Kind of event"),
        column("metric", "string", "Metric that it was found in"),
        column("layer", "int16?", "Layer, if it is of one", at_least=-1),
        column("module", "string?", "Place in the layer, if it is of one", one_of=MODULES),
        column("sample_set", "string?", "Set of samples, if it is of one"),
        STEP,
        _START,
        _END,
        column("score", "float32", "How strong the event is"),
        column("confidence", "float32?", "How sure the event is"),
        column("n_runs", "int32", "Runs that were looked at", at_least=1),
        column("n_support", "int32", "Runs that show it", at_least=0),
        column("support_frac", "float32", "`n_support` over `n_runs`", at_least=0, at_most=1),
        column("step_spread", "int32?", "How far apart the runs show it", at_least=0, unit="steps"),
        column(
            "timewarp_tolerance_steps",
            "int32?",
            "How far events may lie apart and still be one",
            at_least=0,
            unit="steps",
        ),
        column("threshold", "float32?", "Score that an event had to reach"),
        DETECTOR_VERSION,
        column("source_run_ids", "list<string>", "Runs of the candidates behind the event"),
        column(
            "source_event_ids",
            "list<string>",
            "Candidates behind the event, in the order of `source_run_ids`",
        ),
        column("payload_json", "string?", "Anything else", holds="json object"),
    ),
    kind="interpretation",
    primary_key=("analysis_id", "event_id"),
    rules=(
        *_WINDOW,
        Check(
            "abs(support_frac * n_runs - n_support) <= 0.0001 * n_runs",
            "`support_frac` is `n_support` over `n_runs`.",
        ),
        SameLength(("source_run_ids", "source_event_ids")),
    ),
    partition_by=("analysis_id",),
    sort_by=("event_type", "step"),
)
