"""`dbopt generate`: made-up events to try tuning on."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.tuning.options import Seed, TableName


def generate(
    table_name: TableName = "events",
    num_rows: Annotated[int, typer.Option("--num-rows", help="How many events.")] = 1_000_000,
    seed: Seed = None,
) -> None:
    """Make a dataset of made-up events, and one of the customers that they come from.

    Few customers have most of the events, and some events arrive weeks late. The same seed gives the
    same rows.
    """
    from parquetry.cli.progress import counted
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import open_store, read_config
    from parquetry.model.wording import count_text
    from parquetry.tuning.datasets.generating import generate as run

    config = read_config(seed=seed)
    store = open_store(config, create=True)
    with counted("generating") as on_progress:
        made = run(store, table_name, num_rows, seed=config.seed, on_progress=on_progress)
    files = count_text(made.files, "file")
    say(f"{made.table}: {count_text(made.rows, 'row')} in {files}, {config.data_dir}/{made.table}/")
    kept = " (kept as they were)" if made.customers_kept else ""
    say(f"customers: {count_text(made.customers, 'row')}, {config.data_dir}/customers/{kept}")
