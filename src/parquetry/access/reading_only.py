"""Which SQL changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from parquetry.access.engine_errors import Circumstances, translate_duck
from parquetry.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_SPACE = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"{_SPACE}explain{_SPACE}(?:analyze\b|\([^)]*\))?", re.IGNORECASE | re.DOTALL
)


def check_reads_only(sql: str) -> None:
    """Raise unless every statement is a SELECT, or the EXPLAIN of something.

    Raises:
        RequestError: One is something else, or the EXPLAIN ANALYZE, which runs it, of something else.
    """
    try:
        kinds = {kind.name for kind in _kinds(sql) if kind not in _READING}
    except duckdb.Error as error:
        raise translate_duck(error, Circumstances()) from error
    if kinds:
        raise RequestError(
            f"Only queries can be run here, and this is {', '.join(sorted(kinds))}. Nothing was "
            "changed. Write it as a SELECT."
        )


def _kinds(sql: str) -> Iterator[duckdb.StatementType]:
    for statement in duckdb.extract_statements(sql):
        yield statement.type
        if statement.type == duckdb.StatementType.EXPLAIN and "analyze" in statement.query.lower():
            yield from _kinds(_EXPLAIN.sub("", statement.query, count=1))
