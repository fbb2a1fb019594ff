"""`dbopt status`: how far tuning is with a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.cli.tuning.options import TableName

if TYPE_CHECKING:
    from parquetry.reports.tuning_status import TuningStatus

_TEXT_SHOWN = 60
_JOBS_SHOWN = 5


def status(table_name: TableName) -> None:
    """Show the layouts of a dataset, who answers which questions and why, and what is being written."""
    from parquetry.cli.tuning.opening import open_tuning
    from parquetry.reports.tuning_status import describe_tuning

    opened = open_tuning(table_name)
    show_status(describe_tuning(opened.store.dataset(table_name), opened.metadata, opened.config))


def show_status(found: TuningStatus) -> None:
    """Print a status."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text
    from parquetry.reports.tuning_summary import LAYOUT_COLUMNS, layout_cells

    say(
        f"{found.table}: {count_text(found.rows, 'row')} in {count_text(found.files, 'file')}; "
        f"{found.queries:,} questions logged, {found.queries_in_window:,} since "
        f"{found.window_start:%Y-%m-%d %H:%M} UTC"
    )
    say(f"baseline: {found.baseline if found.has_active_layout else '(initial)'}")
    show_table(LAYOUT_COLUMNS, [layout_cells(one, found.baseline) for one in found.layouts])
    for one in found.layouts:
        message = f" ({one.message})" if one.message else ""
        say(f"{one.layout_id}: {one.description}{message}")
    say(f"Best layout: {found.best}" if found.best else "Best layout: none yet; see `evaluate`")
    _show_kinds(found)
    _show_jobs(found)


def _show_kinds(found: TuningStatus) -> None:
    from parquetry.cli.rendering import say, show_table

    if not found.kinds:
        return
    say()
    show_table(
        ["kind", "an example", "queries", "time", "answered by", "why"],
        [
            (
                kind.cluster_id[:8],
                _short(kind.example),
                f"{kind.queries:,}",
                f"{kind.share_of_time:.0%}",
                kind.choice.layout,
                kind.choice.reason,
            )
            for kind in found.kinds
        ],
    )


def _show_jobs(found: TuningStatus) -> None:
    from parquetry.cli.rendering import say, show_table

    if not found.jobs:
        return
    say()
    show_table(
        ["job", "state", "mode", "as", "progress", "layout", "message"],
        [
            (
                job.job_id,
                job.state,
                job.mode,
                job.role,
                f"{job.progress:.0%}",
                job.layout.layout_id,
                job.message,
            )
            for job in found.jobs[-_JOBS_SHOWN:]
        ],
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_SHOWN else line[: _TEXT_SHOWN - 1] + "…"
