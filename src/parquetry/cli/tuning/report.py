"""`dbopt report`: what was learned about a dataset, as files to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parquetry.cli.tuning.options import TableName


def report(
    table_name: TableName,
    out: Annotated[Path, typer.Option("--out", help="The folder to write to; made if absent.")],
) -> None:
    """Write summary.md, layout_eval.csv and .json, query_routing_summary.csv and report.html.

    The page has charts and needs no network.
    """
    from parquetry.cli.rendering import say
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.reports.tuning_report import make_report, write_report

    opened = open_tuning(table_name)
    made = make_report(opened.store.dataset(table_name), opened.metadata, opened.config)
    for path in write_report(made, str(out)):
        say(path)
