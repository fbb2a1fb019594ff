"""Running a workload: question after question, logged and routed, and what became of it."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.tuning.answering import routed_executor
from parquetry.tuning.evaluation.statistics import mean, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from parquetry.access.observing import Observation
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.workloads.templates import DrawnQuery


@dataclass(frozen=True, slots=True)
class WorkloadRow:
    """Questions of one template, or answered by one layout."""

    name: str
    queries: int
    explorations: int
    avg_latency_ms: float
    p95_latency_ms: float
    row_groups_read: float
    row_groups_total: float


@dataclass(frozen=True, slots=True)
class WorkloadSummary:
    """What became of a workload: by template and by layout, and how long it took altogether."""

    table: str
    queries: int
    seconds: float
    by_template: tuple[WorkloadRow, ...]
    by_layout: tuple[WorkloadRow, ...]


@dataclass(slots=True)
class _Answer:
    layout: str
    is_exploration: bool
    latency_ms: float
    row_groups_read: int
    row_groups_total: int


class Tally:
    """Notes who answered the questions about a dataset.

    Args:
        table: The dataset.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.answers: list[_Answer] = []

    def observed(self, observation: Observation) -> None:
        """Take note of a question."""
        latency_ms = observation.stats.latency_seconds * 1_000
        self.answers += [
            _Answer(
                read.layout,
                read.is_exploration,
                latency_ms,
                read.row_groups_read or 0,
                read.row_groups_total or 0,
            )
            for read in observation.datasets
            if read.name == self.table
        ]


def run_workload(
    config: Config,
    metadata: MetadataStore,
    table: str,
    drawn: Iterable[DrawnQuery],
    total: int,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> WorkloadSummary:
    """Ask questions one after the other, routed and logged, and return what became of them.

    Args:
        config: The settings.
        metadata: Where they are logged.
        table: The dataset that they are about.
        drawn: The questions.
        total: How many there are.
        on_progress: Called with questions done, questions in all, and the template.

    Raises:
        RequestError: A question cannot be asked of the dataset. Those before it are logged.
    """
    start = time.perf_counter()
    tally = Tally(table)
    executor = routed_executor(config, metadata, tally.observed)
    by_template: defaultdict[str, list[_Answer]] = defaultdict(list)
    count = 0
    for count, query in enumerate(drawn, start=1):
        before = len(tally.answers)
        executor.run_query(query.sql)
        by_template[query.template] += tally.answers[before:]
        if on_progress is not None:
            on_progress(count, total, query.template)
    executor.flush()
    by_layout: defaultdict[str, list[_Answer]] = defaultdict(list)
    for answer in tally.answers:
        by_layout[answer.layout].append(answer)
    return WorkloadSummary(
        table, count, time.perf_counter() - start, _rows(by_template), _rows(by_layout)
    )


def _rows(groups: Mapping[str, list[_Answer]]) -> tuple[WorkloadRow, ...]:
    counts = Counter({name: len(answers) for name, answers in groups.items()})
    return tuple(_row(name, groups[name]) for name, count in counts.most_common() if count)


def _row(name: str, answers: list[_Answer]) -> WorkloadRow:
    latencies = [one.latency_ms for one in answers]
    return WorkloadRow(
        name,
        len(answers),
        sum(1 for one in answers if one.is_exploration),
        mean(latencies),
        percentile(latencies, 0.95),
        mean([one.row_groups_read for one in answers]),
        mean([one.row_groups_total for one in answers]),
    )
