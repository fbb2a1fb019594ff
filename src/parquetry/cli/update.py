"""`parquetry update`: set columns of rows."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.changing import BackupDir, Partition, Where
from parquetry.cli.options import DatasetArgument, DryRun, Yes


def update(
    dataset: DatasetArgument,
    where: Where,
    assign: Annotated[
        list[str],
        typer.Option("--set", help='column=SQL expression: "spread=ask - bid"; can be repeated.'),
    ],
    partition: Partition = None,
    backup_dir: BackupDir = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Set columns where a condition is true, in one commit that can be undone."""
    from parquetry.cli.changing import carry_out, expression_of, pairs_of, predicate_of
    from parquetry.dataset import Dataset

    handle = Dataset.open(dataset)
    chosen, predicate = pairs_of(partition, "--partition"), predicate_of(where)
    updates = {
        name: expression_of(text, "--set") for name, text in pairs_of(assign, "--set").items()
    }
    carry_out(
        handle,
        lambda: handle.plan_update(predicate, updates, chosen or None),
        lambda: handle.update(predicate, updates, chosen or None, backup_dir=backup_dir),
        dry_run=dry_run,
        yes=yes,
        backup_dir=backup_dir,
    )
