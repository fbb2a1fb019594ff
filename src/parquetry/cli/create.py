"""`parquetry create`: a dataset whose rows are held to a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def create(
    store: Annotated[Path, typer.Argument(help="The store; it is made if absent.")],
    name: Annotated[str, typer.Argument(help="The dataset: the name of its folder.")],
    table: Annotated[
        str, typer.Option("--table", help="A table, runs or runs@2.0, or a schema's JSON file.")
    ],
    partition_by: Annotated[
        str | None,
        typer.Option(help="The keys of its folders, a,b; what the table recommends if left out."),
    ] = None,
) -> None:
    """Make an empty dataset of a table. Every row that is appended is held to the table's schema."""
    from parquetry.cli.rendering import say
    from parquetry.cli.tables import find_table
    from parquetry.store import Store

    keys = None if partition_by is None else [key for key in partition_by.split(",") if key]
    schema = find_table(table, store if store.is_dir() else None)
    dataset = Store(store).create_dataset(name, schema, keys)
    by = f", partitioned by {', '.join(dataset.partition_by)}" if dataset.partition_by else ""
    say(f"{name} is a dataset of {schema.identifier}{by}")
