"""`dbopt evaluate`: score the layouts of a dataset over a rolling window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.options import DryRun
from parquetry.cli.tuning.options import TableName

if TYPE_CHECKING:
    from parquetry.cli.tuning.opening import Opened
    from parquetry.tuning.evaluation.window import Evaluation


def evaluate(
    table_name: TableName,
    once: Annotated[
        bool, typer.Option("--once", help="Evaluate now; this is the default.")
    ] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Evaluate again and again.")] = False,
    interval_sec: Annotated[
        float, typer.Option("--interval-sec", min=0.1, help="Seconds between two evaluations.")
    ] = 60.0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what is evaluated or skipped, and why.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Score each layout by the questions of the last hours: latency saved, less what rewriting cost.

    Rows are recorded for layouts that answered enough new questions. A layout that is surely slower
    than what it replaced is given up.
    """
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.cli.tuning.repeating import repeat

    if once and loop:
        raise typer.BadParameter("give either --once or --loop, not both")
    opened = open_tuning(table_name)

    def run() -> None:
        _evaluate(opened, table_name, explain=explain, dry_run=dry_run)

    repeat(run, every_seconds=interval_sec if loop else None)


def _evaluate(opened: Opened, table: str, *, explain: bool, dry_run: bool) -> None:
    from parquetry.cli.rendering import say
    from parquetry.model.wording import count_text
    from parquetry.tuning.evaluation.gathering import gather
    from parquetry.tuning.evaluation.watching import watch
    from parquetry.tuning.evaluation.window import evaluate as judge

    dataset = opened.store.dataset(table)
    situation = gather(dataset, opened.metadata, opened.config)
    found = judge(situation, opened.config)
    if explain:
        _explain(found)
    if dry_run:
        say(f"{count_text(len(found.records), 'row')} would be recorded; nothing was")
        return
    opened.metadata.save_evaluations(found.records)
    _show(found)
    for news in watch(situation, opened.metadata, dataset):
        say(news)


def _explain(found: Evaluation) -> None:
    from parquetry.cli.rendering import say, show_table

    hours = (found.window_end - found.window_start).total_seconds() / 3600
    say(
        f"window: {found.window_start:%Y-%m-%d %H:%M:%S} to {found.window_end:%Y-%m-%d %H:%M:%S} UTC, "
        f"{hours:g} hours"
    )
    say(f"baseline: {found.baseline if found.has_active_layout else '(initial)'}")
    show_table(
        ["layout", "state", "queries", "new", "", "why"],
        [(v.layout, v.state, v.queries, v.new_queries, v.action, v.reason) for v in found.verdicts],
    )


def _show(found: Evaluation) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.cli.tuning.evaluations import COLUMNS, evaluation_cells
    from parquetry.model.wording import count_text

    overall = [one for one in found.records if one.cluster_id is None]
    if not overall:
        say("nothing to record: too few new questions; --explain says more")
        return
    show_table(COLUMNS, [evaluation_cells(one) for one in overall])
    kinds = len(found.records) - len(overall)
    say(
        f"{count_text(len(found.records), 'row')} recorded: {count_text(len(overall), 'layout')}, and "
        f"{kinds:,} of single kinds of question"
    )
