"""`parquetry delete`: remove rows."""

from __future__ import annotations

from parquetry.cli.changing import BackupDir, Partition, Where
from parquetry.cli.options import DatasetArgument, DryRun, Yes


def delete(
    dataset: DatasetArgument,
    where: Where,
    partition: Partition = None,
    backup_dir: BackupDir = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove the rows of which a condition is true, in one commit that can be undone."""
    from parquetry.cli.changing import carry_out, pairs_of, predicate_of
    from parquetry.dataset import Dataset

    handle = Dataset.open(dataset)
    chosen, predicate = pairs_of(partition, "--partition"), predicate_of(where)
    carry_out(
        handle,
        lambda: handle.plan_delete(predicate, chosen or None),
        lambda: handle.delete(predicate, chosen or None, backup_dir=backup_dir),
        dry_run=dry_run,
        yes=yes,
        backup_dir=backup_dir,
    )
