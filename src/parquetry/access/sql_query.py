"""A query as it was understood: which tables it reads, which views it needs, what it demands."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from parquetry.access.conditions import Demand, bind
from parquetry.access.quoting import quote_identifier
from parquetry.access.sql_references import Reference, find_references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXPLAIN = re.compile(r"\s*explain\s+(analyze\s+|\([^)]*\)\s*)?", re.IGNORECASE)
_CACHED_QUERIES = 512

logging.getLogger("sqlglot").setLevel(
    logging.ERROR
)  # what it cannot parse is no matter to the user


@dataclass(frozen=True, slots=True)
class Query:
    """What can be told from a query's text.

    Args:
        references: Every place that reads a table.
        views: The views that it reads, each after those that it is made of.
        is_understood: Whether the text could be parsed; otherwise the references are every name that
            occurs in it, and demand nothing.
    """

    references: tuple[Reference, ...]
    views: tuple[str, ...]
    is_understood: bool = True

    def demands(self, table: str, values: Mapping[str, Any]) -> list[list[Demand]]:
        """Return what each place that reads a table demands, with the parameters put in."""
        return [
            [
                Demand(condition, demand.is_outer)
                for demand in reference.demands
                if (condition := bind(demand.condition, values)) is not None
            ]
            for reference in self.references
            if reference.table.lower() == table.lower()
        ]


def understand(sql: str, views: Mapping[str, str], tables: Sequence[str]) -> Query:
    """Return what a query reads, following it through views.

    Args:
        sql: The query.
        views: The SQL of each view by name.
        tables: The names that it may read, for the case that only its text can be searched.
    """
    named = tuple(views.items())
    query = _understood(sql, named)
    if query is not None:
        return query
    text = "\n".join([sql, *views.values()]).lower()
    references = tuple(Reference(name) for name in tables if name.lower() in text)
    return Query(references, _any_order(named), is_understood=False)


def _any_order(views: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return all views, each after those that it is made of, as far as that can be told."""
    order: dict[str, None] = {}
    for name, _ in views:
        query = _understood(f"from {quote_identifier(name)}", views)
        order.update(dict.fromkeys(query.views if query is not None else ()))
    return (*order, *(name for name, _ in views if name not in order))


def parameter_values(parameters: Sequence[Any] | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of a run by name; those of `?` are called by their numbers."""
    if parameters is None:
        return {}
    if hasattr(parameters, "keys"):
        return dict(parameters)
    return {str(number): value for number, value in enumerate(parameters, 1)}


@lru_cache(maxsize=_CACHED_QUERIES)
def _understood(sql: str, views: tuple[tuple[str, str], ...]) -> Query | None:
    roots = parse(sql)
    trees = {name.lower(): parse(text) for name, text in views}
    if not roots:
        return None
    known = {name: tree[0] for name, tree in trees.items() if tree}
    opaque = {name.lower(): text.lower() for name, text in views if name.lower() not in known}
    references: list[Reference] = []
    order: dict[str, None] = {}
    for root in roots:
        found, used = find_references(root, known)
        references += found
        order.update(dict.fromkeys(used))
    written = {name.lower(): name for name, _ in views}
    read = {reference.table.lower() for reference in references}
    if read & opaque.keys():
        return None  # what such a view reads is only to be found by searching
    return Query(tuple(references), tuple(written[name] for name in order))


@lru_cache(maxsize=_CACHED_QUERIES)
def parse(sql: str) -> list[exp.Expression] | None:
    """Return the statements of a text, or None if they are beyond sqlglot."""
    try:
        roots = sqlglot.parse(_numbered(_EXPLAIN.sub("", sql, count=1)), dialect="duckdb")
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError):
        return None
    known = [root for root in roots if isinstance(root, exp.Expression)]
    return None if any(isinstance(root, exp.Command) for root in known) else known


def _numbered(sql: str) -> str:
    """Return the query with `?` as `$1`, `$2`, …: the tree does not keep their order."""
    if "?" not in sql:
        return sql
    parts = []
    done = 0
    number = 0
    for token in sqlglot.tokenize(sql, dialect="duckdb"):
        if token.token_type == TokenType.PLACEHOLDER:
            number += 1
            is_numbered = sql[token.end + 1 : token.end + 2].isdigit()
            parts += [sql[done : token.start], "$" if is_numbered else f"${number}"]
            done = token.end + 1
    return "".join([*parts, sql[done:]])
