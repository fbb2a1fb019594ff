"""`dbopt analyze`: what a dataset is asked, and what could be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.cli.tuning.options import TableName

if TYPE_CHECKING:
    from parquetry.reports.tuning_analysis import Analysis

_KINDS_SHOWN = 10
_TEXT_SHOWN = 70


def analyze(table_name: TableName) -> None:
    """Show what a dataset is asked: kinds of question, columns, selectivity, and layouts that would fit.

    Nothing is rewritten: layouts are priced on a sample of the rows.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.cli.tuning.proposals import show_candidates
    from parquetry.reports.tuning_analysis import analyze as run

    opened = open_tuning(table_name)
    found = run(opened.store.dataset(table_name), opened.metadata, opened.config)
    if not found.workload.queries:
        say(
            f"nothing was asked of {table_name} yet: parquetry run-workload --table-name {table_name}"
        )
        return
    _show_kinds(found)
    say()
    _show_columns(found)
    say()
    show_candidates(found.proposal)
    for sentence in found.advice:
        say(f"note: {sentence}")


def _show_kinds(found: Analysis) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text

    kinds = found.workload.clusters
    count = count_text(len(kinds), "kind")
    say(f"{found.workload.table}: {found.workload.queries:,} questions of {count}")
    show_table(
        ["kind", "an example", "queries", "time", "avg ms"],
        [
            (
                kind.shape.cluster_id[:8],
                _short(kind.shape.example),
                f"{kind.queries:,}",
                f"{kind.share:.0%}",
                f"{kind.mean_latency_ms:.2f}",
            )
            for kind in kinds[:_KINDS_SHOWN]
        ],
    )
    if len(kinds) > _KINDS_SHOWN:
        say(f"… and {len(kinds) - _KINDS_SHOWN:,} more")


def _show_columns(found: Analysis) -> None:
    from parquetry.cli.rendering import say, show_table

    hot = found.workload.hot_columns
    say("columns, by the share of the time of the questions that use them")
    show_table(
        ["column", "filter", "join", "group", "order", "how", "lets through", "hot"],
        [
            (
                one.column,
                _of_time(one.filters),
                _of_time(one.joins),
                _of_time(one.groups),
                _of_time(one.orders),
                ", ".join(one.operators),
                _of_rows(one.selectivity),
                "hot" if one.column in hot else "",
            )
            for one in found.workload.columns
        ],
    )


def _of_time(share: float) -> str:
    return f"{share:.0%}" if share else ""


def _of_rows(share: float | None) -> str:
    return "" if share is None else f"{share:.2%} of rows"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_SHOWN else line[: _TEXT_SHOWN - 1] + "…"
