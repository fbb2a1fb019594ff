"""`dbopt enqueue-migration`: ask for a layout to be written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parquetry.cli.options import DryRun
from parquetry.cli.tuning.options import TableName

if TYPE_CHECKING:
    from parquetry.cli.tuning.opening import Opened
    from parquetry.model.layouts import Layout

Mode = Literal["full", "incremental"]


def enqueue_migration(
    table_name: TableName,
    mode: Annotated[
        Mode, typer.Option(help="All at once, or a few files at a time, the most useful first.")
    ] = "full",
    active: Annotated[
        bool,
        typer.Option("--active", help="Lay out the dataset's own folder, not a replica beside it."),
    ] = False,
    layout: Annotated[
        Path | None,
        typer.Option(help="A JSON file with a layout of your own; else the best is proposed."),
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Propose the layout that fits what was asked, and queue its writing for a migration-worker.

    Whether it is predicted to be faster than what is there is said; exit code 1 if there is none to
    propose.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.tuning.migrations.enqueuing import enqueue_migration as enqueue

    opened = open_tuning(table_name)
    chosen = _read(layout) if layout is not None else _propose(opened, table_name)
    if chosen is None:
        return 1
    say(f"{chosen.layout_id}: {chosen.describe()}")
    if dry_run:
        say("nothing was queued")
        return 0
    role: Literal["active", "replica"] = "active" if active else "replica"
    job = enqueue(opened.metadata, opened.store.path, table_name, chosen, mode=mode, role=role)
    say(f"job {job.job_id} is {job.state}: {mode}, {role}; run parquetry migration-worker --loop")
    return 0


def _read(path: Path) -> Layout:
    from parquetry.errors import CorruptionError, LayoutError, NotFoundError, StorageError
    from parquetry.model.layouts import Layout

    try:
        return Layout.from_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no layout at {path}. Nothing was queued.") from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror}. Nothing was queued."
        ) from error
    except CorruptionError as error:
        raise LayoutError(f"{path} holds no layout: {error} Nothing was queued.") from error


def _propose(opened: Opened, table: str) -> Layout | None:
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.proposals import show_candidates
    from parquetry.tuning.proposing import propose_for

    proposal = propose_for(opened.store.dataset(table), opened.metadata, opened.config)
    if not proposal.queries:
        say(f"nothing was asked of {table} yet: parquetry run-workload --table-name {table}")
        return None
    show_candidates(proposal)
    if not proposal.candidates:
        say("there is no other layout to propose for what was asked; nothing was queued")
        return None
    if proposal.best is None:
        say(
            "no layout is predicted to be faster than what is there; this is the best of the others"
        )
    return proposal.candidates[0].layout
