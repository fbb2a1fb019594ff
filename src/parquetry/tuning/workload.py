"""What a dataset is asked: which kinds of question take the time, and which columns they use how."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.tuning.records import ColumnName, LoggedQuery, Shape


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question.

    Args:
        shape: What its questions have in common.
        queries: How many came.
        seconds: What they took.
        weight: What they took, each halved for every half-life that it is old.
        share: The kind's share of the weight of all.
    """

    shape: Shape
    queries: int
    seconds: float
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """How often a column was used: questions that filter, join, group or order by it.

    Args:
        column: Its name.
        filters: Questions that filter by it.
        joins: Questions that join on it.
        groups: Questions that group by it.
        orders: Questions that order by it.
        operators: How it is filtered by.
        share: The share of the time of the questions that filter by it.
    """

    column: str
    filters: int
    joins: int
    groups: int
    orders: int
    operators: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Workload:
    """What a dataset is asked: kinds of question by weight, columns by how much they are filtered by."""

    table: str
    queries: int
    kinds: tuple[Kind, ...]
    columns: tuple[ColumnUse, ...]

    @classmethod
    def of(
        cls,
        table: str,
        queries: Sequence[LoggedQuery],
        shapes: Iterable[Shape],
        now: dt.datetime,
        half_life_days: float = 7.0,
    ) -> Workload:
        """Return the workload of a dataset.

        Args:
            table: The dataset.
            queries: The questions that read it.
            shapes: The kinds of question that are known.
            now: The present, UTC.
            half_life_days: Days after which a question weighs half.
        """
        known = {shape.cluster_id: shape for shape in shapes}
        counts: Counter[str] = Counter()
        seconds: defaultdict[str, float] = defaultdict(float)
        weights: defaultdict[str, float] = defaultdict(float)
        for query in queries:
            if query.cluster_id in known:
                days = max(0.0, (now - query.at).total_seconds() / 86_400)
                counts[query.cluster_id] += 1
                seconds[query.cluster_id] += query.latency_ms / 1000
                weights[query.cluster_id] += (
                    query.latency_ms / 1000 * 0.5 ** (days / half_life_days)
                )
        total = sum(weights.values()) or 1.0
        kinds = tuple(
            Kind(known[name], counts[name], seconds[name], weights[name], weights[name] / total)
            for name in sorted(counts, key=lambda one: (-weights[one], one))
        )
        return cls(table, len(queries), kinds, _columns(table, kinds))


def _columns(table: str, kinds: Sequence[Kind]) -> tuple[ColumnUse, ...]:
    uses: dict[str, Counter[str]] = {
        what: Counter() for what in ("filters", "joins", "groups", "orders")
    }
    operators: defaultdict[str, set[str]] = defaultdict(set)
    shares: defaultdict[str, float] = defaultdict(float)
    for kind in kinds:
        shape = kind.shape
        filtered = _of_table(table, shape, (use.name for use in shape.predicates))
        for what, names in (
            ("filters", filtered),
            ("joins", _of_table(table, shape, shape.joined)),
            ("groups", _of_table(table, shape, shape.grouped)),
            ("orders", _of_table(table, shape, shape.ordered)),
        ):
            uses[what].update(dict.fromkeys(names, kind.queries))
        for name in filtered:
            shares[name] += kind.share
        for use in shape.predicates:
            operators[use.name.column].add(use.operator)
    used = sorted(set().union(*uses.values()), key=lambda one: (-shares[one], one))
    return tuple(_use(name, uses, operators[name], shares[name]) for name in used)


def _use(
    name: str, uses: Mapping[str, Counter[str]], operators: Iterable[str], share: float
) -> ColumnUse:
    return ColumnUse(
        name,
        uses["filters"][name],
        uses["joins"][name],
        uses["groups"][name],
        uses["orders"][name],
        tuple(sorted(operators)),
        share,
    )


def _of_table(table: str, shape: Shape, names: Iterable[ColumnName]) -> set[str]:
    """Return the columns that are the table's: it is named, or it is the only one."""
    return {
        name.column
        for name in names
        if name.table.lower() == table.lower() or (not name.table and len(shape.tables) == 1)
    }
