"""`parquetry vacuum`: forget old history, and say how much that freed."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument, DryRun, Yes


def vacuum(
    dataset: DatasetArgument,
    keep: Annotated[
        str, typer.Option(help="How much history stays: 12h, 7d, 4w, 0d for none.")
    ] = "7d",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove retired files older than `--keep`, what crashes left, and replicas nobody uses.

    The log stays, but states from before the oldest kept history can no longer be shown or restored.
    """
    from parquetry.cli.asking import confirm
    from parquetry.cli.rendering import say
    from parquetry.dataset import Dataset
    from parquetry.model.wording import bytes_text, count_text

    handle = Dataset.open(dataset)
    plan = handle.plan_vacuum(keep)
    if not (plan.files or plan.stagings or plan.pins or plan.layouts):
        say("nothing to remove")
        return
    say(
        f"{count_text(plan.files, 'file')} of {count_text(len(plan.forget), 'commit')} "
        f"would free {bytes_text(plan.bytes)}"
    )
    if dry_run or not confirm("Remove them for good?", yes=yes):
        say("nothing was removed")
        return
    report = handle.vacuum(keep)
    say(
        f"removed {count_text(report.files_removed, 'file')}, freed {bytes_text(report.bytes_freed)}"
    )
