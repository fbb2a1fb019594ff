"""`dbopt migration-worker`: write the layouts that are queued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parquetry.cli.tuning.opening import Opened
    from parquetry.model.layouts import Layout
    from parquetry.tuning.migrations.worker import Worker
    from parquetry.tuning.records import MigrationJob


def migration_worker(
    loop: Annotated[bool, typer.Option("--loop", help="Wait for more jobs until Ctrl+C.")] = False,
    sleep_sec: Annotated[
        float, typer.Option("--sleep-sec", min=0.1, help="Seconds between two looks at the queue.")
    ] = 2.0,
    table_name: Annotated[
        str | None, typer.Option("--table-name", help="Only jobs of this dataset.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            help="Race each new layout with logged questions against what was there before, and give "
            "it up if it is not faster."
        ),
    ] = True,
) -> int:
    """Carry out queued migrations, one after the other. Several workers may run at once.

    A worker can be stopped at any moment, by Ctrl+C or otherwise: the dataset stays whole, and the next
    worker goes on where this one ended. Exit code 1 if a migration failed.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import Opened, open_store, read_config, tuned_config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.migrations.worker import Worker

    config = tuned_config(read_config())
    opened = Opened(config, open_store(config), MetadataStore(config))
    failed: list[int] = []

    def told(job: MigrationJob) -> None:
        if job.state == "failed":
            failed.append(job.job_id)
        _tell(job)
        if check and job.state == "done":
            _check(opened, job)

    worker = Worker(opened.metadata, config, told=told)
    if loop:
        say("waiting for migrations; Ctrl+C stops")
        worker.loop(sleep_sec, table=table_name)
        say("stopped; what was finished stands")
    elif not _run_all(worker, table_name):
        say("no migration is queued")
    return 1 if failed else 0


def _run_all(worker: Worker, table: str | None) -> int:
    count = 0
    while worker.run_once(table) is not None:
        count += 1
    return count


def _tell(job: MigrationJob) -> None:
    from parquetry.cli.rendering import say

    begin = f"job {job.job_id}, {job.table}"
    if job.state == "running":
        say(f"{begin}: {job.layout.layout_id} ({job.mode}, {job.role})")
        for line in decisions(job.layout):
            say(f"  {line}")
        return
    say(f"{begin}: {job.state}: {job.message}")


def _check(opened: Opened, job: MigrationJob) -> None:
    from parquetry.cli.rendering import say
    from parquetry.tuning.evaluation.verifying import verify_layout

    record = opened.metadata.layout(job.table, job.layout.layout_id)
    if record is None:
        return
    found = verify_layout(opened.store.dataset(job.table), opened.metadata, opened.config, record)
    if found is not None:
        say(f"  {found.gate_a.reason}")
        say(f"  {found.gate_b.reason}")
    if found is not None and found.given_up:
        say(f"  {found.given_up}")


def decisions(layout: Layout) -> list[str]:
    """Return how rows will stand, a line each for partitions, order and row groups."""
    keys = ", ".join(key.describe() for key in layout.partition_by)
    order = ", ".join(layout.sort_by)
    if layout.curve:
        order = f"{layout.curve} curve through {order}"
    if layout.cuts:
        asked = ", ".join(dict.fromkeys(cut.column for cut in layout.cuts))
        order = f"{len(layout.cuts)} query-driven cuts by {asked}" + (
            f", then {order}" if order else ""
        )
    lines = [
        f"partition by: {keys or 'nothing'}",
        f"sort by: {order or 'nothing'}",
        f"row groups of {layout.row_group_rows:,} rows, {layout.compression}",
    ]
    if layout.bloom_columns:
        lines.append(f"Bloom filters: {', '.join(layout.bloom_columns)}")
    return lines
