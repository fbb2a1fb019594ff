"""`parquetry schema`: the tables that there are, what they say, and whether rows are rows of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parquetry.cli.options import StoreArgument
from parquetry.cli.tables import InStore

if TYPE_CHECKING:
    from parquetry.tables import TableSchema
    from parquetry.tables.packs import TablePack

schema = typer.Typer(
    help="Tables: their columns, their versions, and whether rows are rows of them.",
    no_args_is_help=True,
)

TableArgument = Annotated[
    str, typer.Argument(help="A table, runs or runs@2.0, or a schema's JSON file.")
]
Format = Literal["columns", "markdown", "json", "ddl", "json-schema", "arrow"]


@schema.command("list")
def list_(store: StoreArgument = None) -> None:
    """List the tables of a store, and those that come with parquetry."""
    from parquetry.cli.rendering import show_table
    from parquetry.cli.tables import all_tables

    rows = [
        (t.name, t.version, t.kind, len(t.columns), ", ".join(t.primary_key), origin)
        for t, origin in all_tables(store)
    ]
    show_table(["table", "version", "kind", "columns", "key", "from"], rows)
    if store is not None:
        _show_datasets(store)


def _show_datasets(store: Path) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.store import Store

    found = Store(store, create=False)
    tables = [(name, found.dataset(name).table) for name in found.datasets()]
    rows = [(name, table.identifier) for name, table in tables if table is not None]
    say()
    if rows:
        show_table(["dataset", "is of"], rows)
    else:
        say("no dataset here is of a table: parquetry create STORE NAME --table TABLE")


@schema.command()
def show(
    table: TableArgument,
    store: InStore = None,
    form: Annotated[Format, typer.Option("--format", help="How to tell it.")] = "columns",
) -> None:
    """Show a table: its columns, its key and its rules."""
    from parquetry.cli.tables import find_table

    found = find_table(table, store)
    if form == "columns":
        _show_columns(found)
    else:
        typer.echo(_text(found, form).rstrip())


def _show_columns(table: TableSchema) -> None:
    from parquetry.cli.rendering import show_table

    key = table.primary_key
    typer.echo(f"{table.identifier} ({table.kind}): {table.purpose or table.title}".rstrip(": "))
    show_table(
        ["column", "type", "key", "unit", "meaning"],
        [
            (c.name, c.describe_type(), "key" if c.name in key else "", c.unit, c.meaning)
            for c in table.columns
        ],
    )
    if table.rules:
        typer.echo()
        show_table(["rule", "says"], [(rule.name, rule.describe()) for rule in table.rules])
    typer.echo(f"\npartitioned by: {', '.join(table.partition_by) or 'nothing'}")
    typer.echo(f"never by: {', '.join(table.forbidden_partitions) or '-'}")


def _text(table: TableSchema, form: Format) -> str:
    import json

    if form == "json":
        return table.to_json()
    if form == "ddl":
        return table.to_ddl()
    if form == "arrow":
        return str(table.to_arrow().to_string(show_field_metadata=False))
    if form == "json-schema":
        return json.dumps(table.to_json_schema(), indent=1, ensure_ascii=False)
    return table.to_markdown()


@schema.command("diff")
def diff_(old: TableArgument, new: TableArgument, store: InStore = None) -> int:
    """Tell what changed between two versions of a table. Exit code 1 if the new version is too small."""
    from parquetry.cli.tables import find_table
    from parquetry.tables.diff import diff

    found = diff(find_table(old, store), find_table(new, store))
    typer.echo(found.describe())
    return 0 if found.is_declared else 1


@schema.command()
def docs(
    store: InStore = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead.")
    ] = None,
) -> None:
    """Print the documentation of a whole pack of tables, as Markdown: a store's, or parquetry's own."""
    from parquetry.cli.writing import beside
    from parquetry.tables import squiggle
    from parquetry.tables.documentation import pack_markdown

    page = pack_markdown(squiggle.TABLES if store is None else _pack_of(store))
    if output is None:
        typer.echo(page.rstrip())
        return
    with beside(output) as aside:
        aside.write_text(page, encoding="utf-8")
    typer.echo(f"written to {output}")


def _pack_of(store: Path) -> TablePack:
    from parquetry.store import Store
    from parquetry.tables.packs import Chapter, TablePack

    newest = {table.name: table for table in Store(store, create=False).schemas()}
    facts, interpretations = (
        tuple(table for table in newest.values() if table.kind == kind)
        for kind in ("fact", "interpretation")
    )
    chapters = (Chapter("Facts", facts), Chapter("Interpretations", interpretations))
    return TablePack(
        store.resolve().name,
        store.resolve().name,
        "The newest versions of the tables of this store.\n",
        tuple(chapter for chapter in chapters if chapter.tables),
    )


@schema.command()
def validate(
    path: Annotated[Path, typer.Argument(help="A dataset, or one Parquet file.")],
    table: Annotated[
        str | None,
        typer.Option("--table", help="The table; that of the dataset if left out."),
    ] = None,
    store: InStore = None,
) -> int:
    """Hold all rows that are there against a table. Exit code 1 if some are no rows of it."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.cli.tables import find_table
    from parquetry.model.wording import count_text
    from parquetry.reports.table_validation import validate_path

    report = validate_path(path, None if table is None else find_table(table, store))
    if report.failures:
        show_table(
            ["rule", "rows", "first rows"],
            [(f.rule, f.count, f.describe_examples()) for f in report.failures],
        )
    rows = count_text(report.rows, "row")
    bad = report.failures.count
    say(f"{rows} held against {report.table}: {f'{bad:,} bad' if bad else 'all good'}")
    return 1 if bad else 0
