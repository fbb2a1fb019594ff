"""`parquetry rollup`: large CSV sweeps, converted by Snakemake, one target a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parquetry.cli.options import DryRun, PartitionForm, Rows


def rollup(
    csv_dir: Annotated[
        Path, typer.Option("--csv-dir", help="The folder of the CSVs.", show_default=False)
    ],
    base_out: Annotated[
        Path, typer.Option("--base-out", help="The store; made if absent.", show_default=False)
    ],
    cores: Annotated[int, typer.Option(help="How many grids are converted at a time.")] = 1,
    granularity: Annotated[
        Rows, typer.Option(help="A row an event, or one summary a seed.")
    ] = "seed",
    pattern: Annotated[str, typer.Option(help="Which files are runs.")] = "*.csv",
    partition_by: PartitionForm = "narrow",
    dry_run: DryRun = False,
) -> int:
    """Convert what has changed in a CSV sweep, grid by grid, with Snakemake.

    Needs the extra [bold]snakemake[/bold]. For a cluster's own profile run the Snakefile itself:
    `python -c "import parquetry.experiments.rolling_up as r; print(r.SNAKEFILE)"` says where it is.
    """
    from parquetry.cli.convert import show_conversion, show_troubles
    from parquetry.cli.rendering import say
    from parquetry.experiments.rolling_up import rollup as run
    from parquetry.model.wording import count_text

    report = run(
        csv_dir,
        base_out,
        cores=cores,
        granularity=granularity,
        dry_run=dry_run,
        partition_by=None if partition_by == "narrow" else partition_by,
        pattern=pattern,
    )
    verb = "to convert" if dry_run else "converted"
    converted = count_text(len(report.grids_converted), "grid")
    say(f"{converted} {verb}, {len(report.grids_unchanged):,} unchanged")
    if dry_run:
        show_troubles(report.conversion)
    else:
        show_conversion(report.conversion)
    return 1 if report.conversion.bad_files else 0
