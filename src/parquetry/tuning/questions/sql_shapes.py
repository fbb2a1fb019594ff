"""The columns of an SQL query by what they are used for, found in its syntax tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from parquetry.access.sql_conditions import conjuncts
from parquetry.access.sql_query import parse
from parquetry.tuning.questions.operators import column_uses
from parquetry.tuning.records import ColumnName, PredicateUse, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(slots=True)
class _Uses:
    """What was found so far; dicts, because they keep the order and have each entry once."""

    predicates: dict[PredicateUse, None] = field(default_factory=dict)
    projected: dict[ColumnName, None] = field(default_factory=dict)
    grouped: dict[ColumnName, None] = field(default_factory=dict)
    group_keys: dict[ColumnName, None] = field(default_factory=dict)
    ordered: dict[ColumnName, None] = field(default_factory=dict)
    joined: dict[ColumnName, None] = field(default_factory=dict)


def shape_of_sql(sql: str, tables: Sequence[str]) -> Shape | None:
    """Return what a query uses which columns for, or None if it is beyond sqlglot.

    Args:
        sql: The query.
        tables: The datasets that it has read.
    """
    roots = parse(sql)
    if not roots:
        return None
    uses = _Uses()
    names = {name.lower(): name for name in tables}
    try:
        for root in roots:
            for scope in traverse_scope(root):
                if isinstance(scope.expression, exp.Select):
                    _add(uses, _Place(scope, scope.expression, names))
    except (SqlglotError, RecursionError, KeyError, AttributeError, TypeError, ValueError):
        return None  # its scopes are beyond sqlglot
    return Shape(
        cluster_id="",
        tables=tuple(sorted(tables)),
        predicates=tuple(sorted(uses.predicates)),
        projected=tuple(sorted(uses.projected)),
        grouped=tuple(uses.grouped),
        group_keys=tuple(uses.group_keys),
        ordered=tuple(uses.ordered),
        joined=tuple(sorted(uses.joined)),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """One SELECT of a query, which knows the tables that its columns are of."""

    scope: Scope
    select: exp.Select
    names: Mapping[str, str]

    def columns(self, nodes: Sequence[exp.Expression]) -> Iterator[ColumnName]:
        """Yield the columns of datasets in some expressions; stars count as a column."""
        for node in nodes:
            for one in node.walk(prune=lambda inner: isinstance(inner, exp.Query)):
                name = self.name_of(one) if isinstance(one, exp.Column | exp.Star) else None
                if name is not None:
                    yield name

    def name_of(self, node: exp.Column | exp.Star) -> ColumnName | None:
        """Return the column of a dataset, or None if it is one of a query inside of this one."""
        if isinstance(node, exp.Star):
            return None if isinstance(node.parent, exp.Column | exp.Count) else self._of("", "*")
        return self._of(node.table, "*" if isinstance(node.this, exp.Star) else node.name)

    def _of(self, alias: str, column: str) -> ColumnName | None:
        chosen = [source for _, source in self.scope.selected_sources.values()]
        if not alias and len(chosen) != 1:
            return ColumnName("", column)
        sources = {name.lower(): source for name, source in self.scope.sources.items()}
        source = sources.get(alias.lower()) if alias else chosen[0]
        if isinstance(source, Scope):
            return None
        table = source.name.lower() if isinstance(source, exp.Table) else ""
        return ColumnName(self.names.get(table, ""), column)

    def plain(self, keys: Sequence[exp.Expression]) -> list[exp.Expression]:
        """Return grouping or ordering keys, each place or alias as what it stands for."""
        return [self._meant(key.this if isinstance(key, exp.Ordered) else key) for key in keys]

    def group_keys(self) -> list[exp.Expression]:
        """Return what rows are grouped by; GROUP BY ALL means every output that is no aggregate."""
        group = self.select.args.get("group")
        if group is None:
            return []
        if not group.args.get("all"):
            return self.plain(group.expressions)
        outputs = [output.unalias() for output in self.select.expressions]
        return [output for output in outputs if output.find(exp.AggFunc) is None]

    def told_apart(self) -> list[exp.Expression]:
        """Return what DISTINCT looks at: outputs, or what an aggregate takes once only."""
        select = self.select
        outputs = [output.unalias() for output in select.expressions]
        found = outputs if select.args.get("distinct") else []
        return [*found, *(one for node in outputs for one in _taken_once(node))]

    def plain_columns(self, nodes: Sequence[exp.Expression]) -> Iterator[ColumnName]:
        """Yield those of some expressions that are columns of datasets, and nothing more."""
        return self.columns([node for node in nodes if isinstance(node, exp.Column)])

    def _meant(self, key: exp.Expression) -> exp.Expression:
        outputs = self.select.expressions
        if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(outputs):
            return outputs[int(key.this) - 1].unalias()
        if isinstance(key, exp.Column) and not key.table:
            for output in outputs:
                if isinstance(output, exp.Alias) and output.alias.lower() == key.name.lower():
                    return output.this
        return key


def _taken_once(node: exp.Expression) -> Iterator[exp.Expression]:
    for distinct in node.find_all(exp.Distinct):
        yield from distinct.expressions


def _add(uses: _Uses, place: _Place) -> None:
    select = place.select
    uses.projected.update(dict.fromkeys(place.columns(select.expressions)))
    for clause in conjuncts(select.args.get("where")):
        _add_predicate(uses, place, clause)
    order = select.args.get("order")
    keys = place.group_keys()
    uses.grouped.update(dict.fromkeys(place.columns(keys)))
    uses.group_keys.update(dict.fromkeys(place.plain_columns([*keys, *place.told_apart()])))
    if order is not None:
        uses.ordered.update(dict.fromkeys(place.columns(place.plain(order.expressions))))
    for join in select.args.get("joins") or ():
        for clause in conjuncts(join.args.get("on")):
            _add_predicate(uses, place, clause)
        using = [ColumnName("", column.name) for column in join.args.get("using") or ()]
        uses.joined.update(dict.fromkeys(using))


def _add_predicate(uses: _Uses, place: _Place, clause: exp.Expression) -> None:
    sides = [clause.this, clause.args.get("expression")] if isinstance(clause, exp.EQ) else []
    names = [place.name_of(side) for side in sides if isinstance(side, exp.Column)]
    if len(names) == 2:  # noqa: PLR2004  both sides are columns
        uses.joined.update(dict.fromkeys(name for name in names if name is not None))
        return
    for column, kind in column_uses(clause):
        name = place.name_of(column)
        if name is not None:
            uses.predicates[PredicateUse(name, kind)] = None
