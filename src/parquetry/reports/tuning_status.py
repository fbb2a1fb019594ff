"""How far tuning is with a dataset: its layouts, who answers what and why, and what is being written."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.model.layouts import INITIAL
from parquetry.tuning.bandits.learning import learned_bandit
from parquetry.tuning.bandits.policy import Option
from parquetry.tuning.evaluation.statistics import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.bandits.policy import Choice
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import EvaluationRecord, LayoutRecord, LoggedQuery, MigrationJob

_KINDS = 8


@dataclass(frozen=True, slots=True)
class LayoutStatus:
    """One layout, its questions in the window, and its latest evaluation."""

    layout_id: str
    description: str
    role: str
    state: str
    queries: int
    explorations: int
    avg_latency_ms: float | None
    bytes: int | None
    rewrite_seconds: float | None
    latest: EvaluationRecord | None
    message: str


@dataclass(frozen=True, slots=True)
class KindStatus:
    """One kind of question: an example, how often it came, and who would answer the next one and why."""

    cluster_id: str
    example: str
    queries: int
    share_of_time: float
    choice: Choice


@dataclass(frozen=True, slots=True)
class TuningStatus:
    """A dataset and how far tuning is with it; `best` is the layout with the highest reward."""

    table: str
    path: str
    rows: int
    files: int
    window_start: dt.datetime
    queries: int
    queries_in_window: int
    baseline: str
    has_active_layout: bool
    best: str | None
    layouts: tuple[LayoutStatus, ...]
    kinds: tuple[KindStatus, ...]
    jobs: tuple[MigrationJob, ...]


def describe_tuning(dataset: Dataset, metadata: MetadataStore, config: Config) -> TuningStatus:
    """Return how far tuning is with a dataset.

    **Cost:** the questions of the window are read from the database, and every file's footer once.
    """
    table = dataset.name
    start = dt.datetime.now(dt.UTC) - dt.timedelta(hours=config.window_hours)
    queries = metadata.queries(table, since=start)
    records = metadata.layouts(table)
    latest = latest_evaluations(metadata.evaluations(table))
    active = next((one for one in records if one.role == "active" and one.state == "ready"), None)
    layouts = _layouts(table, records, queries, latest)
    usable = [one for one in layouts if one.state == "ready"]
    return TuningStatus(
        table=table,
        path=dataset.path,
        rows=dataset.count(),
        files=len(dataset.files()),
        window_start=start,
        queries=metadata.count_queries(table),
        queries_in_window=len(queries),
        baseline=active.layout_id if active else INITIAL,
        has_active_layout=active is not None and active.layout_id != INITIAL,
        best=best_layout(usable),
        layouts=layouts,
        kinds=_kinds(table, queries, usable, config),
        jobs=tuple(metadata.jobs(table)),
    )


def latest_evaluations(records: Sequence[EvaluationRecord]) -> dict[str, EvaluationRecord]:
    """Return the newest evaluation of each layout over all kinds of question; newest come first."""
    found: dict[str, EvaluationRecord] = {}
    for record in records:
        if record.cluster_id is None:
            found.setdefault(record.layout, record)
    return found


def best_layout(layouts: Sequence[LayoutStatus]) -> str | None:
    """Return the layout with the highest reward, None while at most one was scored."""
    scored = [
        (one.latest.reward, one.layout_id)
        for one in layouts
        if one.latest is not None and one.latest.reward is not None
    ]
    return max(scored)[1] if len(scored) > 1 else None


def _layouts(
    table: str,
    records: Sequence[LayoutRecord],
    queries: Sequence[LoggedQuery],
    latest: dict[str, EvaluationRecord],
) -> tuple[LayoutStatus, ...]:
    latencies: defaultdict[str, list[float]] = defaultdict(list)
    explored: Counter[str] = Counter()
    for query in queries:
        scans = [scan for scan in query.scans if scan.table == table]
        for name in {scan.layout for scan in scans}:
            latencies[name].append(query.latency_ms)
        explored.update({scan.layout for scan in scans if scan.is_exploration})
    known = {record.layout_id: record for record in records}
    names = [INITIAL] if INITIAL in latencies or INITIAL not in known else []
    names = list(dict.fromkeys([*names, *known, *sorted(latencies)]))
    return tuple(
        _layout(name, known.get(name), latencies.get(name, []), explored[name], latest.get(name))
        for name in names
    )


def _layout(
    name: str,
    record: LayoutRecord | None,
    latencies: Sequence[float],
    explored: int,
    latest: EvaluationRecord | None,
) -> LayoutStatus:
    described = record.layout.describe() if record and record.layout else "as it came"
    return LayoutStatus(
        layout_id=name,
        description=described,
        role=record.role if record else "active",
        state=record.state if record else "ready",
        queries=len(latencies),
        explorations=explored,
        avg_latency_ms=mean(latencies) if latencies else None,
        bytes=record.bytes if record else None,
        rewrite_seconds=record.rewrite_seconds if record else None,
        latest=latest,
        message=record.message if record else "",
    )


def _kinds(
    table: str, queries: Sequence[LoggedQuery], layouts: Sequence[LayoutStatus], config: Config
) -> tuple[KindStatus, ...]:
    if not queries or not layouts:
        return ()
    exploiting = config.model_copy(update={"exploration_rate": 0.0})
    bandit = learned_bandit(exploiting, queries)
    options = [Option(one.layout_id) for one in layouts]
    by_kind: defaultdict[str, list[LoggedQuery]] = defaultdict(list)
    for query in queries:
        by_kind[query.cluster_id].append(query)
    total = sum(query.latency_ms for query in queries)
    taken = {kind: sum(query.latency_ms for query in found) for kind, found in by_kind.items()}
    rng = random.Random(config.seed)  # noqa: S311 (no secret)
    return tuple(
        KindStatus(
            cluster_id=kind,
            example=by_kind[kind][-1].text,
            queries=len(by_kind[kind]),
            share_of_time=taken[kind] / total,
            choice=bandit.choose(table, kind, options, rng),
        )
        for kind in sorted(by_kind, key=lambda one: -taken[one])[:_KINDS]
    )
