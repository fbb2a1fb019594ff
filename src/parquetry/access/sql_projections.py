"""Conditions on what a query gives, carried through to the columns that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from parquetry.access.conditions import rename

if TYPE_CHECKING:
    from parquetry.access.conditions import Condition

_COUNTING = ("limit", "offset", "sample", "qualify", "pivots", "windows", "match", "laterals")
_GROUPINGS = ("grouping_sets", "cube", "rollup", "totals")


def carried_through(
    select: exp.Select, condition: Condition
) -> tuple[str | None, Condition] | None:
    """Return a condition on an output column as one on a column that the query reads.

    It is returned with the source's name, None if that is not said, and only if leaving out the rows
    that do not fulfil it leaves all other rows of the output as they are.
    """
    if not _keeps_rows_apart(select):
        return None
    found = _origin(select, condition.column)
    if found is None or not _is_grouped_by(select, found, condition.column):
        return None
    return found.table or None, rename(condition, found.name)


def _keeps_rows_apart(select: exp.Select) -> bool:
    if any(select.args.get(key) for key in _COUNTING):
        return False
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        return False
    return all(select.find(kind) is None for kind in (exp.Window, exp.Columns))


def _origin(select: exp.Select, name: str) -> exp.Column | None:
    """Return the plain column that an output column shows."""
    stars = [one for one in select.expressions if one.is_star]
    named = [
        one
        for one in select.expressions
        if not one.is_star and one.alias_or_name.lower() == name.lower()
    ]
    if len(stars) + len(named) != 1:
        return None  # none, or more than one: which of them is meant is not ours to say
    if named:
        plain = named[0].unalias()
        is_column = isinstance(plain, exp.Column) and not plain.args.get("db")
        return plain if is_column else None
    star = stars[0].this if isinstance(stars[0], exp.Column) else stars[0]
    if not isinstance(star, exp.Star) or any(star.args.values()):
        return None
    table = stars[0].args.get("table") if isinstance(stars[0], exp.Column) else None
    return exp.Column(this=exp.to_identifier(name), table=table.copy() if table else None)


def _is_grouped_by(select: exp.Select, column: exp.Column, output: str) -> bool:
    """Return whether rows of different values of the column never meet in one group."""
    group = select.args.get("group")
    if group is None:
        return not any(select.find_all(exp.AggFunc))
    if any(group.args.get(key) for key in _GROUPINGS):
        return False
    if group.args.get("all"):
        return True
    keys = group.expressions
    if any(isinstance(key, (exp.Rollup, exp.Cube, exp.GroupingSets)) for key in keys):
        return False
    names = {column.name.lower(), output.lower()}
    plain = {key.name.lower() for key in keys if isinstance(key, exp.Column)}
    numbers = {int(key.this) for key in keys if isinstance(key, exp.Literal) and key.is_int}
    places = [number for number in numbers if 0 < number <= len(select.expressions)]
    plain |= {select.expressions[number - 1].alias_or_name.lower() for number in places}
    return bool(names & plain)
