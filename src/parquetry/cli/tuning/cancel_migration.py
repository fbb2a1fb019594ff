"""`dbopt cancel-migration`: end a migration that waits or runs."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DryRun


def cancel_migration(
    job: Annotated[int, typer.Argument(help="The number of the job, as `status` lists it.")],
    dry_run: DryRun = False,
) -> int:
    """Cancel a migration that waits or runs. The dataset stays as it is.

    The worker that runs it ends it at its next sign of life, within ten seconds, and frees what it has
    written. Exit code 1 if the job had ended already.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import open_metadata

    metadata = open_metadata()
    before = metadata.job(job)
    what = f"job {job}, {before.table}: {before.layout.layout_id}"
    if not before.is_open:
        say(f"{what} is {before.state} already; nothing was changed")
        return 1
    if dry_run:
        say(f"{what}, which is {before.state}, would be cancelled")
        return 0
    after = metadata.cancel_job(job)
    say(f"{what} is {after.state}")
    return 0 if after.state == "cancelled" else 1
