"""`dbopt run-workload`: made-up questions to any dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.cli.tuning.options import ExplorationRate, Explore, NumQueries, Seed, TableName

if TYPE_CHECKING:
    from parquetry.tuning.workloads.choosing import Kind
    from parquetry.tuning.workloads.running import WorkloadRow, WorkloadSummary


def run_workload(
    table_name: TableName,
    num_queries: NumQueries = 1_000,
    explore: Explore = False,
    exploration_rate: ExplorationRate = None,
    seed: Seed = None,
) -> None:
    """Ask made-up questions, logged and answered from the layout that is thought fastest.

    The questions fit the table: generated events have their own, any other table gets some by the
    kinds of its columns. The same seed asks the same questions.
    """
    ask(table_name, num_queries, "any", explore=explore, rate=exploration_rate, seed=seed)


def ask(
    table: str, num_queries: int, kind: Kind, *, explore: bool, rate: float | None, seed: int | None
) -> None:
    """Run a workload and print what became of it."""
    from parquetry.cli.progress import counted
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.tuning.workloads.choosing import draw_workload
    from parquetry.tuning.workloads.running import run_workload as run

    explored = rate if explore or rate is not None else 0.0
    opened = open_tuning(table, exploration_rate=explored, seed=seed)
    config = opened.config
    drawn = draw_workload(opened.store, table, num_queries, seed=config.seed, kind=kind)
    with counted("asking") as on_progress:
        summary = run(config, opened.metadata, table, drawn, num_queries, on_progress)
    _show(summary)


def _show(summary: WorkloadSummary) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text

    columns = ["queries", "explored", "avg ms", "p95 ms", "row groups read"]
    show_table(["kind of question", *columns], map(_cells, summary.by_template))
    show_table(["answered by", *columns], map(_cells, summary.by_layout))
    say(
        f"{count_text(summary.queries, 'question')} to {summary.table} in {summary.seconds:.1f} s, all "
        "logged"
    )


def _cells(row: WorkloadRow) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.queries:,}",
        f"{row.explorations:,}",
        f"{row.avg_latency_ms:.2f}",
        f"{row.p95_latency_ms:.2f}",
        f"{row.row_groups_read:.1f} of {row.row_groups_total:.1f}",
    )
