"""`parquetry convert`: CSV sweeps become experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.options import DryRun, PartitionForm, Rows

if TYPE_CHECKING:
    from parquetry.experiments.conversion.reports import ConversionReport

_SHOWN = 20


def convert(
    csv_dir: Annotated[Path, typer.Argument(help="The folder of the CSVs.", show_default=False)],
    base_out: Annotated[
        Path, typer.Argument(help="The store; made if absent.", show_default=False)
    ],
    granularity: Annotated[
        Rows, typer.Option(help="A row an event, or one summary a seed.")
    ] = "seed",
    pattern: Annotated[str, typer.Option(help="Which files are runs.")] = "*.csv",
    partition_by: PartitionForm = "narrow",
    dry_run: DryRun = False,
) -> int:
    """Convert CSV runs, with their parameters and seeds, into a store.

    Parameters come from *.json, config.yaml, params.yaml or args.yml beside the CSVs, or from folder
    names; the seed from the file name. A bad CSV is named, and the rest is converted. Exit code 1 says
    that some were bad.
    """
    from parquetry.cli.progress import counted
    from parquetry.experiments.conversion.converting import convert as run

    with counted("converting") as on_progress:
        report = run(
            csv_dir,
            base_out,
            granularity=granularity,
            dry_run=dry_run,
            partition_by=None if partition_by == "narrow" else partition_by,
            pattern=pattern,
            on_progress=on_progress,
        )
    show_conversion(report)
    return 1 if report.bad_files else 0


def show_conversion(report: ConversionReport) -> None:
    """Print what a conversion did, or would do."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text

    if report.dry_run:
        reasons = [
            (run.csv, r.key, r.value, r.source, r.rule) for run in report.runs for r in run.reasons
        ]
        show_table(["csv", "key", "value", "from", "rule"], reasons[: _SHOWN * 5])
        if len(reasons) > _SHOWN * 5:
            say(f"… and {len(reasons) - _SHOWN * 5:,} more")
    show_troubles(report)
    if not report.runs and not report.bad_files:
        say(f"nothing below {report.csv_dir} is a CSV of a run; see --pattern")
    verb = "would be written" if report.dry_run else "written"
    say(
        f"{count_text(len(report.runs), 'CSV')}, {count_text(len(report.grids), 'grid')}: "
        f"{count_text(report.units_written, 'unit')} {verb}, {report.units_unchanged:,} unchanged, "
        f"{count_text(report.rows, 'row')}, {count_text(report.files_failed, 'bad file')}"
    )


def show_troubles(report: ConversionReport) -> None:
    """Print what was not converted, and what may surprise."""
    from parquetry.cli.rendering import say

    for bad in report.bad_files:
        say(f"not converted: {_with_path(bad.path, bad.reason)}")
    for remark in report.remarks[:_SHOWN]:
        say(f"note: {_with_path(remark.path, remark.text)}")
    if len(report.remarks) > _SHOWN:
        say(f"… and {len(report.remarks) - _SHOWN:,} more notes")


def _with_path(path: str, text: str) -> str:
    return text if text.startswith(path) else f"{path}: {text}"
