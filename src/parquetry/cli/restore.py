"""`parquetry restore`: undo the commits after a version."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument, DryRun, Yes


def restore(
    dataset: DatasetArgument,
    version: Annotated[int, typer.Argument(help="The version to go back to; 0 is before all.")],
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Undo the commits after a version, by a new commit that can itself be undone.

    Files that came without a commit stay.
    """
    from parquetry.cli.asking import confirm
    from parquetry.cli.rendering import count_text, say
    from parquetry.dataset import Dataset

    handle = Dataset.open(dataset)
    plan = handle.plan_restore(version)
    if plan.is_empty:
        say(f"nothing to undo: the dataset is as it was at version {version}")
        return
    say(
        f"restoring version {version}: {count_text(len(plan.revive), 'file')} come back, "
        f"{count_text(len(plan.retire), 'file')} leave"
    )
    if dry_run or not confirm("Restore?", yes=yes):
        say("nothing was changed")
        return
    record = handle.restore(version)
    if record is None:
        say("nothing to undo: somebody else was faster")
        return
    undo = f"parquetry restore {dataset} {record.version - 1}"
    say(f"restored by commit {record.version}; undo it with: {undo}")
