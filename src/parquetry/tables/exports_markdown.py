"""The documentation of one table in Markdown: its purpose, its columns, its key, its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema


def table_markdown(schema: TableSchema) -> str:
    """Return the section of a table, in the order number and name, purpose, columns, key, rules."""
    return "\n".join(_lines(schema)).rstrip() + "\n"


def heading(schema: TableSchema) -> str:
    """Return the number and name of a table, `03 — families/`, as headings show them."""
    number = "" if schema.number is None else f"{schema.number:02d} — "
    return f"{number}`{schema.name}/`"


def _lines(schema: TableSchema) -> Iterator[str]:
    yield f"## {heading(schema)} ({schema.title or schema.kind})"
    yield ""
    yield f"Version `{schema.identifier}`, {schema.kind}."
    if schema.purpose:
        yield f"Purpose: {schema.purpose}"
    yield ""
    yield "Columns:"
    yield ""
    yield from (f"- {_column(column)}" for column in schema.columns)
    yield ""
    if schema.primary_key:
        yield f"Primary key: ({_names(schema.primary_key)})"
        yield ""
    yield from _rules(schema)
    yield from _layout(schema)


def _column(column: Column) -> str:
    nullable = " (nullable)" if column.nullable else ""
    told = ". ".join(part.rstrip(".") for part in _told(column))
    return f"`{column.name}` {column.type}{nullable}{': ' if told else ''}{told}"


def _told(column: Column) -> Iterator[str]:
    if column.meaning:
        yield column.meaning
    if column.unit:
        yield f"Unit: {column.unit}"
    if column.one_of:
        yield "One of " + ", ".join(f"`{value}`" for value in column.one_of)
    if limits := _limits(column):
        yield limits
    if column.holds:
        yield "Holds a JSON object" if column.holds == "json object" else "Holds JSON"


def _limits(column: Column) -> str:
    low, high = column.at_least, column.at_most
    if low is not None and high is not None:
        return f"From {low:g} to {high:g}"
    if low is not None:
        return f"At least {low:g}"
    return f"At most {high:g}" if high is not None else ""


def _rules(schema: TableSchema) -> Iterator[str]:
    if schema.rules:
        yield "Rules:"
        yield ""
        yield from (f"- {rule.describe()}" for rule in schema.rules)
        yield ""


def _layout(schema: TableSchema) -> Iterator[str]:
    if schema.partition_by:
        yield f"Partition by {_names(schema.partition_by)}."
    if schema.sort_by:
        yield f"Sort by {_names(schema.sort_by)}."
    tempting = [c.name for c in schema.columns if c.is_exact_as_text and not c.may_partition]
    if tempting:
        yield f"Never partition by {_names(tuple(tempting))}."
    if schema.partition_by or schema.sort_by or tempting:
        yield ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
