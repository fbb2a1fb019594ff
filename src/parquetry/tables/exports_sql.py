"""A table in DuckDB: its DDL, and the view of each run's latest analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyarrow import types as pt

from parquetry.errors import ParameterError
from parquetry.tables.quoting import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema

_TYPES = {
    "string": "VARCHAR",
    "binary": "BLOB",
    "bool": "BOOLEAN",
    "date": "DATE",
    "date32[day]": "DATE",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
}
_TIMESTAMPS = {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}


def duckdb_type(kind: pa.DataType) -> str:
    """Return the name of a type in DuckDB."""
    if pt.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pt.is_struct(kind):
        return f"STRUCT({', '.join(f'{quoted(f.name)} {duckdb_type(f.type)}' for f in kind)})"
    if pt.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else _TIMESTAMPS[kind.unit]
    if pt.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pt.is_duration(kind):
        return "INTERVAL"
    return "TIME" if pt.is_time(kind) else _TYPES[str(kind)]


def create_table_sql(schema: TableSchema, table: str | None = None) -> str:
    """Return the statements that make an empty table with all that DuckDB can hold it to.

    Args:
        schema: The table.
        table: Its name in DuckDB; its own if left out.
    """
    name = quoted(table or schema.name)
    lines = [f"    {line}" for line in _clauses(schema)]
    statements = [f"CREATE TABLE {name} (\n" + ",\n".join(lines) + "\n)"]
    if schema.purpose:
        statements.append(f"COMMENT ON TABLE {name} IS {literal(schema.purpose)}")
    statements += [
        f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.meaning)}"
        for column in schema.columns
        if column.meaning
    ]
    return ";\n".join(statements) + ";\n"


def _clauses(schema: TableSchema) -> Iterator[str]:
    for column in schema.columns:
        null = "" if column.nullable else " NOT NULL"
        yield f"{quoted(column.name)} {duckdb_type(column.arrow_type)}{null}"
    if schema.primary_key:
        yield f"PRIMARY KEY ({', '.join(quoted(name) for name in schema.primary_key)})"
    for column in schema.columns:
        yield from (f"CHECK ({condition})" for condition in _conditions(column))
    yield from (f"CHECK ({rule.condition()})" for rule in schema.rules)


def _conditions(column: Column) -> Iterator[str]:
    name = quoted(column.name)
    if column.one_of:
        yield f"{name} IN ({', '.join(literal(value) for value in column.one_of)})"
    if column.at_least is not None:
        yield f"{name} >= {column.at_least!r}"
    if column.at_most is not None:
        yield f"{name} <= {column.at_most!r}"
    if column.holds == "json object":
        yield f"json_valid({name}) AND json_type({name}) = 'OBJECT'"
    elif column.holds == "json":
        yield f"json_valid({name})"


def latest_sql(schema: TableSchema, source: str | None = None) -> str:
    """Return the query of the rows of the latest analysis of each run.

    The latest analysis is the one whose newest row is newest; of two that are equally new, the one
    with the greater name. Tables whose key has no run have one latest analysis.

    Args:
        schema: An interpretation.
        source: The relation to read; the view with the table's name if left out.

    Raises:
        ParameterError: The table holds facts, which have no analyses.
    """
    if schema.kind != "interpretation":
        raise ParameterError(f"{schema.name} holds facts: there is one version of them, no latest.")
    relation = quoted(source or schema.name)
    run = quoted("run_id") if "run_id" in schema.primary_key else ""
    runs, using = (f"{run}, ", f"{run}, analysis_id") if run else ("", "analysis_id")
    group = f" GROUP BY {run}" if run else " HAVING count(*) > 0"
    return (
        f"SELECT * FROM {relation} SEMI JOIN (\n"
        f"    SELECT {runs}arg_max(analysis_id, (newest, analysis_id)) AS analysis_id\n"
        f"    FROM (SELECT {runs}analysis_id, max(created_at_utc) AS newest FROM {relation} "
        f"GROUP BY {runs}analysis_id)\n"
        f"    {group.strip()}\n"
        f") USING ({using})"
    )


def latest_view_sql(schema: TableSchema, source: str | None = None) -> str:
    """Return the statement that makes the view `<table>_latest`."""
    view = quoted(f"{schema.name}_latest")
    return f"CREATE OR REPLACE VIEW {view} AS\n{latest_sql(schema, source)}"
