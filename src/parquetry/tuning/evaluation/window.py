"""Evaluation of a rolling window: how questions fared with each layout, and what that is worth.

A layout is compared with the baseline over the same kinds of question: each kind's mean latency there
counts as often as the layout answered that kind. So a layout that only gets the easy ones is not
praised for it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from parquetry.model.layouts import INITIAL
from parquetry.tuning.evaluation.reward import reward, rewrite_cost
from parquetry.tuning.evaluation.statistics import mean, percentile
from parquetry.tuning.records import EvaluationRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.tuning.config import Config
    from parquetry.tuning.records import LayoutRecord, LoggedQuery, LoggedScan


@dataclass(frozen=True, slots=True)
class Situation:
    """What an evaluation goes by.

    Args:
        table: The dataset.
        queries: The questions that read it, of the window and some before.
        layouts: The layouts that are known.
        group_rows: How many rows a row group has on average, by layout.
        evaluated_until: Until when each layout was evaluated before.
        now: The end of the window, UTC.
    """

    table: str
    queries: Sequence[LoggedQuery]
    layouts: Sequence[LayoutRecord]
    group_rows: Mapping[str, float]
    evaluated_until: Mapping[str, dt.datetime]
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class LayoutVerdict:
    """Whether a layout is evaluated, with how many questions, and why not."""

    layout: str
    state: str
    queries: int
    new_queries: int
    action: Literal["evaluate", "skip"]
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation: what it looks at, whom it judges or skips, and the rows that it gives."""

    table: str
    window_start: dt.datetime
    window_end: dt.datetime
    baseline: str
    has_active_layout: bool
    verdicts: tuple[LayoutVerdict, ...]
    records: tuple[EvaluationRecord, ...]


def evaluate(situation: Situation, config: Config) -> Evaluation:
    """Return the evaluation of a window; a pure function, so that a dry run and a run cannot differ."""
    start = situation.now - dt.timedelta(hours=config.window_hours)
    records = {one.layout_id: one for one in situation.layouts}
    active = next((one for one in situation.layouts if _is_active(one)), None)
    baseline = active.layout_id if active else INITIAL
    answered = _by_layout(situation)
    within = {name: [q for q in found if q.at >= start] for name, found in answered.items()}
    names = [baseline, *sorted({*within, *records} - {baseline})]
    verdicts = tuple(
        _verdict(name, within.get(name, []), records.get(name), situation, config) for name in names
    )
    base = _Baseline(
        baseline, within.get(baseline, []), answered.get(baseline, []), config, situation.now
    )
    rows = [
        row
        for verdict in verdicts
        if verdict.action == "evaluate"
        for row in _records(
            verdict.layout,
            within[verdict.layout],
            records.get(verdict.layout),
            base,
            situation,
            config,
        )
    ]
    return Evaluation(
        situation.table,
        start,
        situation.now,
        baseline,
        active is not None,
        verdicts,
        tuple(rows),
    )


def _is_active(record: LayoutRecord) -> bool:
    return record.role == "active" and record.state == "ready" and record.layout_id != INITIAL


def _by_layout(situation: Situation) -> dict[str, list[LoggedQuery]]:
    found: defaultdict[str, list[LoggedQuery]] = defaultdict(list)
    for query in situation.queries:
        for name in {scan.layout for scan in query.scans if scan.table == situation.table}:
            found[name].append(query)
    return dict(found)


def _verdict(
    name: str,
    queries: Sequence[LoggedQuery],
    record: LayoutRecord | None,
    situation: Situation,
    config: Config,
) -> LayoutVerdict:
    until = situation.evaluated_until.get(name)
    fresh = len(queries) if until is None else sum(1 for query in queries if query.at >= until)
    state = record.state if record else "ready"
    count = len(queries)
    if count < config.min_samples:
        reason = f"insufficient data: {count} of {config.min_samples} queries in the window"
    elif fresh < config.min_samples:
        reason = f"nothing new: {fresh} of {config.min_samples} queries since the last evaluation"
    else:
        return LayoutVerdict(name, state, count, fresh, "evaluate", f"{fresh:,} new queries")
    return LayoutVerdict(name, state, count, fresh, "skip", reason)


class _Baseline:
    """The mean latency of each kind of question in the layout that others are compared with.

    Kinds that the window does not have enough of are taken from before it: routing may have sent all
    of them elsewhere.
    """

    def __init__(
        self,
        layout: str,
        within: Sequence[LoggedQuery],
        ever: Sequence[LoggedQuery],
        config: Config,
        now: dt.datetime,
    ) -> None:
        self.layout = layout
        self.now = now
        self.latency_ms: dict[str, float] = {}
        recent, all_of = _latencies(within), _latencies(ever)
        for cluster, known in all_of.items():
            chosen = recent.get(cluster, [])
            if len(chosen) < config.min_samples:
                chosen = known[-config.min_samples :]
            self.latency_ms[cluster] = mean(chosen)


def _records(
    name: str,
    queries: Sequence[LoggedQuery],
    record: LayoutRecord | None,
    base: _Baseline,
    situation: Situation,
    config: Config,
) -> list[EvaluationRecord]:
    clusters = defaultdict(list)
    for query in queries:
        clusters[query.cluster_id].append(query)
    cost = _cost(queries, record, base, config)
    rows = [_record(name, None, queries, cost, base, situation, config)]
    rows += [
        _record(name, cluster, found, cost, base, situation, config)
        for cluster, found in sorted(clusters.items())
        if len(found) >= config.min_samples
    ]
    return rows


def _cost(
    queries: Sequence[LoggedQuery], record: LayoutRecord | None, base: _Baseline, config: Config
) -> float:
    """Return what the layout costs; every kind of question bears its share, so it is one ratio."""
    expected = [base.latency_ms.get(query.cluster_id, query.latency_ms) for query in queries]
    return rewrite_cost(config, record, sum(expected) / 1000, base.now)


def _record(
    name: str,
    cluster_id: str | None,
    queries: Sequence[LoggedQuery],
    cost: float,
    base: _Baseline,
    situation: Situation,
    config: Config,
) -> EvaluationRecord:
    latencies = [query.latency_ms for query in queries]
    scans = [scan for query in queries for scan in _scans(query, situation.table, name)]
    read = [scan.row_groups_read for scan in scans if scan.row_groups_read is not None]
    groups = sum(read) / len(read) if read else None
    rows = situation.group_rows.get(name)
    judged = _judge(name, queries, cost, base, config)
    return EvaluationRecord(
        table=situation.table,
        layout=name,
        cluster_id=cluster_id,
        window_start=situation.now - dt.timedelta(hours=config.window_hours),
        window_end=situation.now,
        queries=len(queries),
        avg_latency_ms=mean(latencies),
        p95_latency_ms=percentile(latencies, 0.95),
        p99_latency_ms=percentile(latencies, 0.99),
        row_groups_read=groups,
        rows_scanned=None if groups is None or rows is None else groups * rows,
        baseline=base.layout,
        baseline_latency_ms=judged.baseline_ms,
        latency_improvement=judged.improvement,
        rewrite_cost=judged.cost,
        reward=judged.reward,
        note=judged.note,
    )


@dataclass(frozen=True, slots=True)
class _Judgement:
    baseline_ms: float | None = None
    improvement: float | None = None
    cost: float | None = None
    reward: float | None = None
    note: str = ""


def _judge(
    name: str,
    queries: Sequence[LoggedQuery],
    cost: float,
    base: _Baseline,
    config: Config,
) -> _Judgement:
    if name == base.layout:
        here = mean([query.latency_ms for query in queries])
        return _Judgement(here, 0.0, 0.0, reward(config, 0.0, 0.0), "baseline")
    comparable = [query for query in queries if query.cluster_id in base.latency_ms]
    if len(comparable) < config.min_samples:
        return _Judgement(
            note=f"insufficient data: {base.layout} answered too few queries of the same kinds"
        )
    expected = mean([base.latency_ms[query.cluster_id] for query in comparable])
    improvement = 1 - mean([query.latency_ms for query in comparable]) / expected
    return _Judgement(expected, improvement, cost, reward(config, improvement, cost))


def _scans(query: LoggedQuery, table: str, layout: str) -> list[LoggedScan]:
    return [scan for scan in query.scans if scan.table == table and scan.layout == layout]


def _latencies(queries: Sequence[LoggedQuery]) -> dict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for query in queries:
        found[query.cluster_id].append(query.latency_ms)
    return dict(found)
