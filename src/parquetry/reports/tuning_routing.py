"""Who answered which kind of question, how often and how fast; and how that went over time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.tuning.evaluation.statistics import mean, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.tuning.records import LoggedQuery

_STRETCHES = 40


@dataclass(frozen=True, slots=True)
class RoutingRow:
    """One layout and one kind of question."""

    layout: str
    cluster_id: str
    example: str
    queries: int
    explorations: int
    avg_latency_ms: float
    p95_latency_ms: float
    row_groups_read: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """One layout in one of forty stretches of the log: how many questions it answered, how fast."""

    until_query: int
    layout: str
    queries: int
    avg_latency_ms: float


def summarize_routing(table: str, queries: Sequence[LoggedQuery]) -> tuple[RoutingRow, ...]:
    """Return who answered what, by layout and kind of question, most frequent first."""
    groups: defaultdict[tuple[str, str], list[LoggedQuery]] = defaultdict(list)
    for query in queries:
        for layout in _layouts(table, query):
            groups[layout, query.cluster_id].append(query)
    rows = [_row(table, *key, found) for key, found in groups.items()]
    return tuple(sorted(rows, key=lambda row: (-row.queries, row.layout, row.cluster_id)))


def stretches(table: str, queries: Sequence[LoggedQuery]) -> tuple[Stretch, ...]:
    """Return the log in forty stretches, oldest first."""
    size = max(1, -(-len(queries) // _STRETCHES))
    found = []
    for start in range(0, len(queries), size):
        part = queries[start : start + size]
        latencies: defaultdict[str, list[float]] = defaultdict(list)
        for query in part:
            for layout in _layouts(table, query):
                latencies[layout].append(query.latency_ms)
        found += [
            Stretch(start + len(part), layout, len(values), mean(values))
            for layout, values in sorted(latencies.items())
        ]
    return tuple(found)


def _layouts(table: str, query: LoggedQuery) -> set[str]:
    return {scan.layout for scan in query.scans if scan.table == table}


def _row(table: str, layout: str, cluster_id: str, found: Sequence[LoggedQuery]) -> RoutingRow:
    latencies = [query.latency_ms for query in found]
    scans = [
        scan
        for query in found
        for scan in query.scans
        if scan.table == table and scan.layout == layout
    ]
    read = [scan.row_groups_read for scan in scans if scan.row_groups_read is not None]
    return RoutingRow(
        layout=layout,
        cluster_id=cluster_id,
        example=found[-1].text,
        queries=len(found),
        explorations=sum(1 for scan in scans if scan.is_exploration),
        avg_latency_ms=mean(latencies),
        p95_latency_ms=percentile(latencies, 0.95),
        row_groups_read=sum(read) / len(found) if read else None,
    )
