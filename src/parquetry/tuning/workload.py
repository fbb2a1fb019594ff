"""Workload analysis: which kinds of question a dataset gets, and which columns they are about.

A kind of question counts by the time that it takes; time halves its weight every seven days.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parquetry.tuning.candidates.situation import HOT_COLUMNS
from parquetry.tuning.costs.work import understand_demands
from parquetry.tuning.records import Shape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.tuning.records import ColumnName, LoggedQuery, OperatorClass
    from parquetry.tuning.samples import Sample

_SERVED: frozenset[OperatorClass] = frozenset({"equality", "range", "membership", "prefix", "null"})
_LEAST_HEAT = 0.05


@dataclass(frozen=True, slots=True)
class Cluster:
    """One kind of question.

    Args:
        shape: What all its questions have in common.
        queries: How many were logged.
        weight: How many that is, old ones counting less.
        seconds: The time that they took, old ones counting less.
        share: The share of the time of all kinds.
        mean_latency_ms: What one takes on average, old ones counting less.
        selectivity: The share of the dataset's rows that fulfils what is tested while reading, on
            average; None where it was not measured.
    """

    shape: Shape
    queries: int
    weight: float
    seconds: float
    share: float
    mean_latency_ms: float
    selectivity: float | None


@dataclass(frozen=True, slots=True)
class ColumnUsage:
    """How much time goes to questions that use a column, as shares of the time of all of them.

    Args:
        column: The column.
        filters: Those that filter by it.
        joins: Those that join on it.
        groups: Those that group by it.
        orders: Those that order by it.
        operators: Those that filter by it, by the class of the operator.
        selectivity: The share of rows that its conditions let pass, on average; None if that is not
            known.
        heat: How much time goes to questions that could spare reading by it: `filters`, without those
            that no layout can serve, times the share of rows that need not be read.
    """

    column: str
    filters: float = 0.0
    joins: float = 0.0
    groups: float = 0.0
    orders: float = 0.0
    operators: Mapping[OperatorClass, float] = field(default_factory=dict)
    selectivity: float | None = None
    heat: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What a dataset is asked.

    Args:
        table: The dataset.
        queries: How many questions were logged.
        since: When the first was asked.
        until: When the last was.
        clusters: The kinds, those that take most time first.
        columns: The columns that are filtered, joined, grouped or ordered by, hottest first.
    """

    table: str
    queries: int
    since: dt.datetime | None
    until: dt.datetime | None
    clusters: tuple[Cluster, ...]
    columns: tuple[ColumnUsage, ...]

    @property
    def hot_columns(self) -> tuple[str, ...]:
        """The columns by which a layout could spare reading, best first."""
        hot = [usage.column for usage in self.columns if usage.heat >= _LEAST_HEAT]
        return tuple(hot[:HOT_COLUMNS])

    @classmethod
    def of(
        cls,
        table: str,
        queries: Sequence[LoggedQuery],
        shapes: Iterable[Shape],
        now: dt.datetime,
        *,
        half_life_days: float = 7.0,
        sample: Sample | None = None,
    ) -> Workload:
        """Return what the log says of a dataset.

        Args:
            table: The dataset.
            queries: The questions that read it.
            shapes: The kinds of question.
            now: The present, UTC.
            half_life_days: After how many days a question counts half.
            sample: Rows of the dataset, by which selectivities are estimated.
        """
        known = {shape.cluster_id: shape for shape in shapes}
        members: defaultdict[str, list[LoggedQuery]] = defaultdict(list)
        for query in queries:
            members[query.cluster_id].append(query)
        decay = _Decay(now, half_life_days)
        total = sum(decay.seconds(query) for query in queries)
        clusters = [
            _cluster(known.get(name, Shape(name, (table,))), found, table, decay, total, sample)
            for name, found in members.items()
        ]
        clusters.sort(key=lambda one: (-one.seconds, one.shape.cluster_id))
        times = [query.at for query in queries]
        return cls(
            table,
            len(queries),
            min(times, default=None),
            max(times, default=None),
            tuple(clusters),
            _usages(table, clusters, _selectivities(table, queries, decay, sample)),
        )


@dataclass(frozen=True, slots=True)
class _Decay:
    now: dt.datetime
    half_life_days: float

    def weight(self, query: LoggedQuery) -> float:
        days = max(0.0, (self.now - query.at).total_seconds() / 86_400)
        return float(0.5 ** (days / self.half_life_days))

    def seconds(self, query: LoggedQuery) -> float:
        return self.weight(query) * query.latency_ms / 1_000


def _cluster(
    shape: Shape,
    queries: Sequence[LoggedQuery],
    table: str,
    decay: _Decay,
    total: float,
    sample: Sample | None,
) -> Cluster:
    weight = sum(map(decay.weight, queries))
    seconds = sum(map(decay.seconds, queries))
    rows = sample.rows if sample is not None else 0
    passed = [
        min(1.0, scan.rows / (rows * max(1, len(scan.demands))))
        for query in queries
        for scan in query.scans
        if scan.table == table and scan.rows is not None and rows
    ]
    return Cluster(
        shape=shape,
        queries=len(queries),
        weight=weight,
        seconds=seconds,
        share=seconds / total if total else 0.0,
        mean_latency_ms=1_000 * seconds / weight if weight else 0.0,
        selectivity=sum(passed) / len(passed) if passed else None,
    )


def _selectivities(
    table: str, queries: Sequence[LoggedQuery], decay: _Decay, sample: Sample | None
) -> dict[str, float]:
    """Return the share of sampled rows that the conditions on each column let pass, on average."""
    if sample is None:
        return {}
    sums: defaultdict[str, float] = defaultdict(float)
    weights: defaultdict[str, float] = defaultdict(float)
    for query in queries:
        for scan in query.scans:
            if scan.table != table:
                continue
            for needs in understand_demands(scan.demands, sample).places:
                for need in needs:
                    sums[need.column] += decay.weight(query) * sample.share(need)
                    weights[need.column] += decay.weight(query)
    return {column: sums[column] / weights[column] for column in sums if weights[column]}


def _usages(
    table: str, clusters: Sequence[Cluster], selectivities: Mapping[str, float]
) -> tuple[ColumnUsage, ...]:
    uses: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    operators: dict[str, dict[OperatorClass, float]] = defaultdict(lambda: defaultdict(float))
    for cluster in clusters:
        shape, share = cluster.shape, cluster.share
        filtered = [use for use in shape.predicates if use.name.table in {table, ""}]
        for use in filtered:
            operators[use.name.column][use.operator] += share
        _add(uses, "filters", table, (use.name for use in filtered), share)
        _add(uses, "joins", table, shape.joined, share)
        _add(uses, "groups", table, shape.grouped, share)
        _add(uses, "orders", table, shape.ordered, share)
    found = []
    for column, amounts in uses.items():
        selectivity = selectivities.get(column)
        served = sum(share for kind, share in operators[column].items() if kind in _SERVED)
        heat = min(1.0, served) * (1.0 - (selectivity or 0.0))
        found.append(
            ColumnUsage(
                column,
                **amounts,
                operators=dict(operators[column]),
                selectivity=selectivity,
                heat=heat,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.heat, -one.filters, one.column)))


def _add(
    uses: dict[str, dict[str, float]],
    what: str,
    table: str,
    names: Iterable[ColumnName],
    share: float,
) -> None:
    for column in {name.column for name in names if name.table in {table, ""}}:
        uses[column][what] += share
