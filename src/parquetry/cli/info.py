"""`parquetry info`: what a store holds."""

from __future__ import annotations

import typer

from parquetry.cli.options import BaseOut, StoreArgument, one_store


def info(store: StoreArgument = None, base_out: BaseOut = None) -> None:
    """Show the datasets of a store: rows, files, sizes, partitions, columns."""
    from parquetry.cli.rendering import bytes_text, say, show_table
    from parquetry.model.wording import count_text
    from parquetry.reports.store_info import describe_store
    from parquetry.store import Store

    held = describe_store(Store(one_store(store, base_out), create=False))
    say(f"[bold]{held.path}[/bold]")
    if not held.datasets:
        say("no datasets yet: write_event_rows, Dataset.append or `parquetry convert` makes one")
        raise typer.Exit
    show_table(
        ["dataset", "rows", "files", "size", "partitioned by", "version"],
        [
            (
                d.name,
                f"{d.rows:,}",
                f"{d.files:,}",
                bytes_text(d.bytes),
                ", ".join(d.partition_by),
                d.version,
            )
            for d in held.datasets
        ],
    )
    for dataset in held.datasets:
        say(f"\ncolumns of {dataset.name}")
        show_table(["column", "type"], dataset.columns)
    if held.grids:
        say(f"\n{count_text(held.grids, 'parameter set')} in grids/")
    if held.views:
        say(f"views: {', '.join(held.views)}")
