"""Which columns a query names, so that parameters are joined only where they are asked for."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


@lru_cache(maxsize=512)
def named_columns(sql: str) -> frozenset[str] | None:
    """Return the column names of a query in lower case, or None if it may mean any column.

    It may where it says `*` outside of `count(*)`, and where it cannot be parsed.
    """
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError):
        return None
    names: set[str] = set()
    for tree in trees:
        if isinstance(tree, exp.Command) or any(
            not _is_counted(s) for s in tree.find_all(exp.Star)
        ):
            return None
        names.update(column.name.lower() for column in tree.find_all(exp.Column))
        names.update(identifier.name.lower() for identifier in tree.find_all(exp.Identifier))
        if any(tree.find_all(exp.Columns)) or not any(tree.find_all(exp.Select)):
            return None  # `from events` alone means every column
        if any(not select.expressions for select in tree.find_all(exp.Select)):
            return None
    return frozenset(names)


def _is_counted(star: exp.Star) -> bool:
    return isinstance(star.parent, exp.Count)
