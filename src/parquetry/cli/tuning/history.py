"""`dbopt history`: the evaluations of a dataset, newest first."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from parquetry.cli.tuning.options import TableName

Format = Literal["table", "json"]


def history(
    table_name: TableName,
    limit: Annotated[int, typer.Option(min=1, help="How many evaluations at most.")] = 50,
    form: Annotated[Format, typer.Option("--format", help="A table, or JSON.")] = "table",
    only_scored: Annotated[
        bool, typer.Option("--only-scored", help="Only evaluations that have a reward.")
    ] = False,
) -> None:
    """List what layouts were judged by: latency, rows scanned, reward, and when; newest first."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.cli.tuning.evaluations import COLUMNS, evaluation_cells
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.reports.tuning_history import as_json, evaluation_row

    opened = open_tuning(table_name)
    found = opened.metadata.evaluations(table_name, limit=limit, only_scored=only_scored)
    if form == "json":
        typer.echo(as_json(map(evaluation_row, found)))
    elif found:
        show_table(COLUMNS, [evaluation_cells(one) for one in found])
    else:
        say(f"nothing was evaluated yet: parquetry evaluate --table-name {table_name} --once")
