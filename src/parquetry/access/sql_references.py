"""Where a query reads which table, and what every row that matters must fulfil there.

The walk follows the rows: from a SELECT's WHERE and ON into its sources, and through subqueries,
WITH clauses and views as far as their columns are plain and nothing counts or orders the rows on the
way. A source that it does not understand demands nothing, which is always right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from parquetry.access.conditions import Demand
from parquetry.access.sql_conditions import conjuncts, find_condition
from parquetry.access.sql_projections import carried_through

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Reference:
    """One place of a query that reads a table, and what it demands of the table's rows."""

    table: str
    demands: tuple[Demand, ...] = ()


@dataclass(slots=True)
class _Place:
    """A source of a SELECT, with what its joins allow to conclude."""

    node: exp.Expression
    is_outer: bool = False  # its rows can be replaced by NULLs
    is_closed: bool = False  # leaving rows out would change which others are seen
    is_hidden: bool = False  # WHERE cannot name its columns
    demands: list[Demand] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.node.alias_or_name)

    def demand(self, clause: exp.Expression, *, is_outer: bool) -> None:
        condition = find_condition(clause, self.name)
        if condition is not None and not self.is_closed:
            self.demands.append(Demand(condition, is_outer))


@dataclass(frozen=True, slots=True)
class _Common:
    """A table of a WITH clause, and the tables that it can see itself."""

    node: exp.CTE
    scope: Mapping[str, _Common | None]


_Scope = dict[str, "_Common | None"]


def find_references(
    root: exp.Expression, views: Mapping[str, exp.Expression]
) -> tuple[list[Reference], list[str]]:
    """Return every place that reads a table which the query does not define itself.

    With it come the names of the views that it uses, each after those that it is made of.

    Args:
        root: The query.
        views: The queries behind the names, in lower case, that are views; a reference to a view is
            followed into it.
    """
    walk = _Walk(views)
    walk.search(root, {})
    walk.add_unseen(root)
    return walk.references, list(walk.used)


class _Walk:
    def __init__(self, views: Mapping[str, exp.Expression]) -> None:
        self.references: list[Reference] = []
        self.used: dict[str, None] = {}
        self._views = dict(views)
        self._seen: set[int] = set()

    def search(self, node: Any, scope: _Scope) -> None:
        """Visit the queries in any part of a tree."""
        if isinstance(node, exp.Query) and not isinstance(node, exp.Table):
            self._query(node, (), scope)
        elif isinstance(node, exp.Expression):
            for value in node.args.values():
                self.search(value, scope)
        elif isinstance(node, list):
            for item in node:
                self.search(item, scope)

    def add_unseen(self, root: exp.Expression) -> None:
        """Add the tables in places that the walk does not know, and names that stand as texts."""
        for table in root.find_all(exp.Table):
            if id(table) not in self._seen and isinstance(table.this, exp.Identifier):
                self._table(table, (), {})
        for literal in root.find_all(exp.Literal):
            if literal.is_string:
                self.references.append(Reference(literal.this))

    def _query(self, node: exp.Expression, outer: Sequence[Demand], scope: _Scope) -> None:
        scope = self._with(node, scope)
        if isinstance(node, exp.Select):
            self._select(node, outer, scope)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            plain = not any(
                value for key, value in node.args.items() if key not in {"this", "alias", "with_"}
            )
            self._query(node.this, outer if plain else (), scope)
        else:
            for key, value in node.args.items():
                if key != "with_":
                    self.search(value, scope)

    def _with(self, node: exp.Expression, scope: _Scope) -> _Scope:
        clause = node.args.get("with_")
        if clause is None:
            return scope
        inner = dict(scope)
        is_recursive = bool(clause.args.get("recursive"))
        for common in clause.expressions:
            name = common.alias.lower()
            inner[name] = None if is_recursive else _Common(common, dict(inner))
            if (
                is_recursive
            ):  # its rows depend on each other, so nothing is asked of them from outside
                self.search(common.this, inner)
        return inner

    def _select(self, node: exp.Select, outer: Sequence[Demand], scope: _Scope) -> None:
        places = list(_places(node))
        for place in places:
            place.is_closed |= bool(node.args.get("sample"))  # taken before WHERE
        for clause in conjuncts(node.args.get("where")):
            for place in places:
                if not place.is_hidden:
                    place.demand(clause, is_outer=place.is_outer)
        for demand in outer:
            self._pass_on(node, demand, places)
        for place in places:
            self._source(place.node, tuple(place.demands), scope)
        for key, value in node.args.items():
            if key not in {"with_", "from_", "joins"}:
                self.search(value, scope)
        for join in node.args.get("joins") or ():
            self.search([join.args.get("on"), join.args.get("using")], scope)

    def _pass_on(self, node: exp.Select, demand: Demand, places: Sequence[_Place]) -> None:
        passed = carried_through(node, demand.condition)
        if passed is None:
            return
        source, condition = passed
        for place in places:
            visible = not (place.is_hidden or place.is_closed)
            if visible and (source is None or source.lower() == place.name.lower()):
                place.demands.append(Demand(condition, demand.is_outer or place.is_outer))

    def _source(self, node: exp.Expression, demands: tuple[Demand, ...], scope: _Scope) -> None:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            changed = {"joins", "pivots", "sample", "laterals", "version", "ordinality"}
            plain = not any(node.args.get(key) for key in changed) and not _renamed(node)
            self._table(node, demands if plain else (), scope)
            self.search([node.args.get("joins"), node.args.get("laterals")], scope)
        elif isinstance(node, exp.Subquery) and not _renamed(node):
            self._query(node, demands, scope)
        else:
            self.search(node, scope)

    def _table(self, node: exp.Table, demands: tuple[Demand, ...], scope: _Scope) -> None:
        self._seen.add(id(node))
        name = node.name.lower()
        if not node.db and name in scope:
            common = scope[name]
            if common is not None:
                plain = not common.node.args["alias"].columns
                self._query(common.node.this, demands if plain else (), dict(common.scope))
        elif not node.db and name in self._views:
            view = self._views.pop(name)  # inside itself the name means something else
            self._query(view, demands, {})
            self.add_unseen(view)
            self._views[name] = view
            self.used[name] = None
        else:
            self.references.append(Reference(node.name, demands))


def _renamed(node: exp.Expression) -> bool:
    alias = node.args.get("alias")
    return isinstance(alias, exp.TableAlias) and bool(alias.columns)


def _places(node: exp.Select) -> Iterator[_Place]:
    """Yield the sources of a SELECT with what their joins demand of them."""
    start = node.args.get("from_")
    places = [_Place(start.this)] if start is not None else []
    for join in node.args.get("joins") or ():
        places.append(_joined(join, places))
    yield from places


def _joined(join: exp.Join, before: Sequence[_Place]) -> _Place:
    """Return the source that a join adds, and mark those before it."""
    place = _Place(join.this)
    side, kind, method = join.side.upper(), join.kind.upper(), join.method.upper()
    if method in {"ASOF", "POSITIONAL"}:
        place.is_closed = True
        for other in before:
            other.is_closed |= method == "POSITIONAL"
    else:
        _demand_on(join, place, before)
    place.is_hidden = kind in {"SEMI", "ANTI"}
    place.is_outer = side in {"LEFT", "FULL"}
    for other in before:
        other.is_outer |= side in {"RIGHT", "FULL"}
    return place


def _demand_on(join: exp.Join, place: _Place, before: Sequence[_Place]) -> None:
    """Add what ON demands: of a side whose rows vanish if nothing matches them, and of no other."""
    side, kind = join.side.upper(), join.kind.upper()
    for clause in conjuncts(join.args.get("on")):
        if side in {"", "LEFT"}:
            place.demand(clause, is_outer=False)
        if side in {"", "RIGHT"} and kind != "ANTI":
            for other in before:
                other.demand(clause, is_outer=other.is_outer)
