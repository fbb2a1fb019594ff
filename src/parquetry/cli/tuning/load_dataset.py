"""`dbopt load-dataset`: files that are there become a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.tuning.options import Append, TableName

if TYPE_CHECKING:
    from parquetry.tuning.datasets.loading import Loaded


def load_dataset(
    table_name: TableName,
    source_path: Annotated[
        Path, typer.Option("--source-path", help="A .parquet or .csv file, or a folder of them.")
    ],
    pattern: Annotated[str, typer.Option(help="Which files of the folder.")] = "*",
    append: Append = False,
) -> None:
    """Copy Parquet and CSV files into a dataset, in one commit.

    Columns that came, went or changed their type from file to file are united where no value is lost.
    """
    from parquetry.cli.progress import counted
    from parquetry.cli.tuning.opening import open_store, read_config
    from parquetry.tuning.datasets.loading import load

    config = read_config()
    dataset = open_store(config, create=True).dataset(table_name)
    with counted("loading") as on_progress:
        loaded = load(dataset, source_path, pattern=pattern, append=append, on_progress=on_progress)
    show_loaded(loaded, config.data_dir)


def show_loaded(loaded: Loaded, data_dir: str) -> None:
    """Print what was loaded."""
    from parquetry.cli.rendering import say
    from parquetry.model.wording import count_text

    for note in loaded.notes:
        say(f"note: {note}")
    say(
        f"{loaded.table}: {count_text(loaded.rows, 'row')} from "
        f"{count_text(loaded.source_files, 'file')}, {count_text(loaded.columns, 'column')}, "
        f"{data_dir}/{loaded.table}/"
    )
