"""`parquetry upsert`: insert rows, or update those whose key is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.changing import BackupDir
from parquetry.cli.options import DatasetArgument, DryRun, Yes
from parquetry.errors import NotFoundError, RequestError

if TYPE_CHECKING:
    import polars as pl

    from parquetry.dataset import Dataset

_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".json": "read_json",
    ".ndjson": "read_ndjson",
}


def upsert(
    dataset: DatasetArgument,
    rows: Annotated[
        Path, typer.Option("--from", help="A .parquet, .csv, .json or .ndjson file of new rows.")
    ],
    on: Annotated[list[str], typer.Option("--on", help="A key column; can be repeated.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--update", help="A column that a match may change; all if left out."),
    ] = None,
    evolve: Annotated[bool, typer.Option("--evolve", help="Add columns that are new.")] = False,
    backup_dir: BackupDir = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Update the rows whose key is there, insert the others, in one commit that can be undone."""
    from parquetry.cli.changing import carry_out
    from parquetry.dataset import Dataset

    handle = Dataset.open(dataset)
    frame = _fitted(_read(rows), rows, handle)
    carry_out(
        handle,
        lambda: handle.plan_upsert(frame, on, update_columns=only, evolve=evolve),
        lambda: handle.upsert(frame, on, update_columns=only, evolve=evolve, backup_dir=backup_dir),
        dry_run=dry_run,
        yes=yes,
        backup_dir=backup_dir,
    )


def _fitted(frame: pl.DataFrame, path: Path, handle: Dataset) -> pl.DataFrame:
    """Return the rows of a text file with the floats of their table, for in text they have no width."""
    from parquetry.tables.conforming import narrow_floats

    table = None if path.suffix == ".parquet" else handle.table
    return frame if table is None else narrow_floats(table, frame)


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    if path.suffix not in _READERS:
        raise typer.BadParameter(f"--from {path}: name a .parquet, .csv, .json or .ndjson file")
    try:
        frame: pl.DataFrame = getattr(pl, _READERS[path.suffix])(path)
    except FileNotFoundError as error:
        raise NotFoundError(f"--from {path}: there is no such file.", path=str(path)) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(
            f"--from {path} cannot be read: {reason}. Nothing was changed."
        ) from error
    return frame
