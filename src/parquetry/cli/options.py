"""Options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from parquetry.errors import RequestError

BaseOut = Annotated[
    Path | None,
    typer.Option("--base-out", help="The store: the folder of datasets.", show_default=False),
]
StoreArgument = Annotated[
    Path | None, typer.Argument(help="The store: the folder of datasets.", show_default=False)
]
DatasetArgument = Annotated[
    Path, typer.Argument(help="The dataset: a folder of Parquet files.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

Rows = Literal["event", "seed"]
PartitionForm = Annotated[
    Literal["narrow", "wide"],
    typer.Option(help="The folder keys of a new dataset; an existing one keeps its own."),
]


def one_store(argument: Path | None, option: Path | None) -> Path:
    """Return the store that was given as an argument or as `--base-out`.

    Raises:
        RequestError: It is one dataset.
    """
    if argument is not None and option is not None and argument != option:
        raise typer.BadParameter(f"two stores were given: {argument} and --base-out {option}")
    chosen = argument or option
    if chosen is None:
        raise typer.BadParameter("name the store: its folder, or --base-out FOLDER")
    if chosen.is_dir() and _is_dataset(chosen):
        real = chosen.resolve()
        raise RequestError(
            f"{chosen} is a dataset, not a store: it holds nothing but Parquet files or folders of "
            f"partitions. Nothing was changed. Name the folder above, {real.parent}, and the dataset "
            f"in it by its name, {real.name}.",
            path=str(chosen),
        )
    return chosen


def _is_dataset(folder: Path) -> bool:
    names = [path.name for path in folder.iterdir() if path.name[0] not in "._"]
    return bool(names) and all("=" in name or name.endswith(".parquet") for name in names)
