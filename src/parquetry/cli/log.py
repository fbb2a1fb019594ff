"""`parquetry log`: the commits of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument


def log(
    dataset: DatasetArgument,
    limit: Annotated[int, typer.Option(help="How many commits at most, newest first.")] = 50,
) -> None:
    """List the commits of a dataset, newest first.

    Single files that were added without a commit (the units of experiments, files from elsewhere)
    are part of the dataset, but stand in no log.
    """
    from parquetry.cli.rendering import say, show_table
    from parquetry.dataset import Dataset
    from parquetry.model.wording import bytes_text

    records = Dataset.open(dataset).history()
    if not records:
        say("no commits yet")
        return
    show_table(
        ["version", "time (UTC)", "operation", "files +", "files -", "rows +", "size +", "author"],
        [
            (
                r.version,
                r.time[:19].replace("T", " "),
                r.operation,
                len(r.added),
                len(r.retired),
                f"{r.rows_added:,}",
                bytes_text(sum(file.bytes for file in r.added)),
                r.author,
            )
            for r in records[:limit]
        ],
    )
    if len(records) > limit:
        say(f"… and {len(records) - limit} more; see --limit")
