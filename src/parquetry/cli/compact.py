"""`parquetry compact`: merge small files."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument, DryRun, Yes


def compact(
    dataset: DatasetArgument,
    target_file_size_mb: Annotated[
        float, typer.Option(help="The size that files are brought to, in MiB.")
    ] = 100,
    min_file_count: Annotated[
        int, typer.Option(help="Only partitions with at least so many files.")
    ] = 2,
    max_file_size_mb: Annotated[
        float | None, typer.Option(help="Only files smaller than this, in MiB.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Merge small files within their partitions, in one commit that can be undone."""
    from parquetry.cli.changing import carry_out
    from parquetry.dataset import Dataset
    from parquetry.operations.options import CompactOptions

    handle = Dataset.open(dataset)
    how = CompactOptions(
        target_file_size_mb=target_file_size_mb,
        min_file_count=min_file_count,
        max_file_size_mb=max_file_size_mb,
    )
    carry_out(
        handle,
        lambda: handle.plan_compact(**how),
        lambda: handle.compact(**how),
        dry_run=dry_run,
        yes=yes,
    )
