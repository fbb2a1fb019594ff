"""`parquetry repartition`: other partition keys."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument, DryRun, Yes


def repartition(
    dataset: DatasetArgument,
    keys: Annotated[
        list[str], typer.Argument(help="The new keys, outermost first.", show_default=False)
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Partition a dataset by other keys, in one commit that can be undone."""
    from parquetry.cli.changing import carry_out
    from parquetry.dataset import Dataset

    handle = Dataset.open(dataset)
    carry_out(
        handle,
        lambda: handle.plan_repartition(keys),
        lambda: handle.repartition(keys),
        dry_run=dry_run,
        yes=yes,
    )
