"""`parquetry tune`: switch tuning of a store on and off."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import StoreArgument

tune = typer.Typer(
    help="Switch on for a store that its questions are observed, and layouts fitted to them.",
    no_args_is_help=True,
)


@tune.command()
def on(
    store: StoreArgument = None,
    table_name: Annotated[
        list[str] | None,
        typer.Option("--table-name", help="Only this dataset; can be repeated. All if left out."),
    ] = None,
) -> None:
    """Observe every question to a store from now on, in every process, and answer it from fit layouts.

    What is learned is kept in the store, in .parquetry/metadata.db, or in METADATA_DB if that is set.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.switching import found_store, given_database
    from parquetry.tuning.switching import METADATA_FILE, Switch, switch_on

    path = found_store(store)
    chosen = tuple(table_name) if table_name else None
    switch = Switch(given_database() or METADATA_FILE, chosen)
    switch_on(path, switch)
    tables = ", ".join(table_name) if table_name else "all datasets"
    database = switch.config(path).metadata_db
    say(f"tuning is on for {tables} of {path}; what is learned is kept in {database}")


@tune.command()
def off(store: StoreArgument = None) -> None:
    """Observe questions to a store no longer. What was learned and laid out stays."""
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.switching import found_store
    from parquetry.tuning.switching import switch_off

    path = found_store(store)
    say(f"tuning is off for {path}" if switch_off(path) else f"tuning was not on for {path}")


@tune.command()
def status(store: StoreArgument = None) -> None:
    """Say whether a store is tuned, where what is learned is kept, and how far each dataset is."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.cli.tuning.switching import found_store
    from parquetry.reports.tuning_overview import describe_datasets
    from parquetry.store import Store
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.switching import read_switch

    path = found_store(store)
    switch = read_switch(path)
    if switch is None:
        say(f"tuning is off for {path}: parquetry tune on {path}")
        return
    config = switch.config(path)
    tables = ", ".join(switch.tables) if switch.tables is not None else "all datasets"
    say(f"tuning is on for {tables} of {path}; what is learned is kept in {config.metadata_db}")
    rows = describe_datasets(Store(path, create=False), MetadataStore(config), switch.tables)
    show_table(
        ["dataset", "questions", "layouts", "waiting jobs", "best layout"],
        [(r.table, f"{r.queries:,}", r.layouts, r.waiting_jobs, r.best or "") for r in rows],
    )
