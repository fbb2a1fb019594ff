"""A report of tuning as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.model.wording import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.reports.tuning_report import TuningReport
    from parquetry.reports.tuning_status import LayoutStatus, TuningStatus

LAYOUT_COLUMNS = (
    "layout",
    "is",
    "state",
    "queries",
    "explored",
    "avg ms",
    "p95 ms",
    "vs baseline",
    "reward",
)
_KINDS_SHOWN = 8
_TEXT_SHOWN = 100


def summary_markdown(report: TuningReport) -> str:
    """Return the report in words and tables."""
    status = report.status
    lines = [f"# Tuning of `{status.table}`", "", _headline(status), "", "## Layouts", ""]
    lines += _table(LAYOUT_COLUMNS, [layout_cells(one, status.baseline) for one in status.layouts])
    lines += ["", *(f"- `{one.layout_id}`: {one.description}" for one in status.layouts)]
    lines += ["", "## Who answers what, and why", ""]
    lines += _kinds(status) or ["Nothing was asked in this window."]
    lines += ["", "## Evaluations", "", _evaluations(report), ""]
    lines += ["## Migrations", ""]
    lines += [
        f"- job {job.job_id}: {job.state}, {job.mode}, {job.layout.describe()}"
        for job in status.jobs
    ]
    lines += [] if status.jobs else ["None yet."]
    return "\n".join(lines) + "\n"


def layout_cells(one: LayoutStatus, baseline: str) -> list[Any]:
    """Return what a table says of a layout, in the order of LAYOUT_COLUMNS."""
    latest = one.latest
    is_scored = latest is not None and latest.reward is not None
    kind = "baseline" if one.layout_id == baseline else one.role
    improvement = reward = ""
    if latest is not None and is_scored and latest.latency_improvement is not None:
        improvement = "" if kind == "baseline" else f"{-latest.latency_improvement:+.1%}"
        reward = f"{latest.reward:+.3f}"
    elif latest is not None:
        reward = latest.note
    p95 = latest.p95_latency_ms if latest is not None else None
    return [
        one.layout_id,
        kind,
        one.state,
        f"{one.queries:,}",
        f"{one.explorations:,}",
        _ms(one.avg_latency_ms),
        _ms(p95),
        improvement,
        reward or "not evaluated yet",
    ]


def _headline(status: TuningStatus) -> str:
    best = f"**Best layout: `{status.best}`.**" if status.best else "No best layout yet."
    baseline = status.baseline if status.has_active_layout else "(initial)"
    return (
        f"{status.rows:,} rows in {count_text(status.files, 'file')}. "
        f"{status.queries:,} questions were logged, "
        f"{status.queries_in_window:,} of them since {status.window_start:%Y-%m-%d %H:%M} UTC. "
        f"Baseline: {baseline}. {best}"
    )


def _kinds(status: TuningStatus) -> list[str]:
    rows = [
        (
            f"`{_short(one.example)}`",
            f"{one.queries:,}",
            f"{one.share_of_time:.0%}",
            one.choice.layout,
            one.choice.reason,
        )
        for one in status.kinds[:_KINDS_SHOWN]
    ]
    return (
        _table(("kind, by example", "queries", "time", "answered by", "why"), rows) if rows else []
    )


def _evaluations(report: TuningReport) -> str:
    scored = [one for one in report.evaluations if one.reward is not None]
    if not report.evaluations:
        return "None yet: `parquetry evaluate --table-name TABLE --once`."
    return (
        f"{len(report.evaluations):,} rows, {len(scored):,} of them scored; see `layout_eval.csv`. "
        "`reward = alpha * latency_improvement - beta * rewrite_cost`."
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    cells = (" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in rows)
    return [*head, *(f"| {line} |" for line in cells)]


def _short(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= _TEXT_SHOWN else line[: _TEXT_SHOWN - 1] + "…"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
