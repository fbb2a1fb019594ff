"""`dbopt download-nyc-taxi`: a month of New York's taxi records becomes a dataset, or part of one."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.tuning.options import Append, TableName


def download_nyc_taxi(
    table_name: TableName = "nyc_taxi",
    year: Annotated[int, typer.Option(help="The year, from 2009.")] = 2023,
    month: Annotated[int, typer.Option(help="The month, 1 to 12.")] = 1,
    color: Annotated[str, typer.Option(help="yellow, green, fhv or fhvhv.")] = "yellow",
    append: Append = False,
) -> None:
    """Fetch a month of New York's taxi records from where the city publishes them, and load it.

    This needs the network. The address can be set as NYC_TAXI_URL; without a network,
    [bold]load-dataset[/bold] loads files that you have.
    """
    from parquetry.cli.progress import counted
    from parquetry.cli.tuning.load_dataset import show_loaded
    from parquetry.cli.tuning.opening import open_store, read_config
    from parquetry.tuning.datasets.generating import refuse_existing
    from parquetry.tuning.datasets.loading import load
    from parquetry.tuning.datasets.tlc import fetched, month_url

    config = read_config()
    url = month_url(config.nyc_taxi_url, color, year, month)
    store = open_store(config, create=True)
    dataset = store.dataset(table_name)
    if not append:
        refuse_existing(dataset, "add the month (--append), or give another --table-name")
    timeout = config.download_timeout_seconds
    with (
        counted("fetching") as on_progress,
        fetched(url, store.path, timeout_seconds=timeout, on_progress=on_progress) as path,
    ):
        loaded = load(dataset, path, append=append)
    show_loaded(loaded, config.data_dir)
