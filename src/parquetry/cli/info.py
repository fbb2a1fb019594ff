"""`parquetry info`: what a store holds."""

from __future__ import annotations

import typer

from parquetry.cli.options import BaseOut, StoreArgument, one_store


def info(store: StoreArgument = None, base_out: BaseOut = None) -> int:
    """Show the datasets of a store: rows, files, sizes, partitions, columns.

    A dataset that cannot be read is named, and the rest is shown. Exit code 1 says that there was one.
    """
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import bytes_text, count_text
    from parquetry.reports.store_info import describe_store
    from parquetry.store import Store

    held = describe_store(Store(one_store(store, base_out), create=False))
    say(lead=held.path)
    if not held.datasets and not held.unreadable:
        say("no datasets yet: write_event_rows, Dataset.append or `parquetry convert` makes one")
        return 0
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
    for name, reason in held.unreadable:
        typer.echo(f"error: {name} cannot be shown. {reason}", err=True)
    return 1 if held.unreadable else 0
