"""How evaluations look in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parquetry.tuning.records import EvaluationRecord

COLUMNS = (
    "window end (UTC)",
    "layout",
    "kind",
    "queries",
    "avg ms",
    "p95 ms",
    "p99 ms",
    "row groups",
    "rows scanned",
    "vs baseline",
    "cost",
    "reward",
)


def evaluation_cells(one: EvaluationRecord) -> list[Any]:
    """Return what a table says of an evaluation."""
    is_baseline = one.layout == one.baseline
    gain = one.latency_improvement
    return [
        f"{one.window_end:%Y-%m-%d %H:%M:%S}",
        one.layout,
        (one.cluster_id or "all")[:8],
        f"{one.queries:,}",
        _number(one.avg_latency_ms, 2),
        _number(one.p95_latency_ms, 2),
        _number(one.p99_latency_ms, 2),
        _number(one.row_groups_read, 1),
        _number(one.rows_scanned, 0),
        "baseline" if is_baseline else "" if gain is None else f"{-gain:+.1%}",
        _number(one.rewrite_cost, 3),
        one.note if one.reward is None else f"{one.reward:+.3f}",
    ]


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:,.{decimals}f}"
