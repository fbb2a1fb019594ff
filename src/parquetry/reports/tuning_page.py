"""A report of tuning as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from parquetry.errors import MissingDependencyError
from parquetry.model.wording import count_text
from parquetry.reports.tuning_charts import report_charts
from parquetry.reports.tuning_summary import LAYOUT_COLUMNS, layout_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.reports.tuning_report import TuningReport

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #222; background: #fff;
       max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.facts div { border: 1px solid #ddd; border-radius: 6px; padding: .5rem .9rem; }
.facts b { display: block; font-size: 1.15rem; } .facts span { color: #666; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; vertical-align: top;
         border-bottom: 1px solid #e6e6e6; }
th { color: #666; font-weight: 600; } td.n, th.n { text-align: right; white-space: nowrap; }
code { font: .85rem/1.4 "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
tr.best td { background: #eef7ee; } figure { margin: 1rem 0; overflow-x: auto; }
svg { max-width: 100%; height: auto; } .note { color: #666; }
"""
_FORMULA = (
    '<p class="note">reward = alpha · latency_improvement - beta · rewrite_cost, against the '
    "baseline over the same kinds of question.</p>"
)
_NUMBERS = {"queries", "explored", "avg ms", "p95 ms", "vs baseline", "reward", "time"}


def report_page(report: TuningReport) -> str:
    """Return the page."""
    status = report.status
    layouts = [layout_cells(one, status.baseline) for one in status.layouts]
    kinds = [
        (
            one.example,
            f"{one.queries:,}",
            f"{one.share_of_time:.0%}",
            one.choice.layout,
            one.choice.reason,
        )
        for one in status.kinds
    ]
    described = [(one.layout_id, one.description) for one in status.layouts]
    parts = [
        f"<h1>Tuning of {escape(status.table)}</h1>",
        f'<p class="note">{escape(status.path)}</p>',
        _facts(report),
        "<h2>Layouts</h2>",
        _table(LAYOUT_COLUMNS, layouts, best=status.best),
        _table(("layout", "rows stand"), described),
        *_charts(report),
        "<h2>Who answers what, and why</h2>",
        _table(("kind, by example", "queries", "time", "answered by", "why"), kinds, code=True),
        _FORMULA,
    ]
    title = f"Tuning of {escape(status.table)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _facts(report: TuningReport) -> str:
    status = report.status
    facts = [
        (f"{status.rows:,}", f"rows in {count_text(status.files, 'file')}"),
        (f"{status.queries:,}", "questions logged"),
        (status.baseline if status.has_active_layout else "(initial)", "baseline"),
        (status.best or "none yet", "best layout"),
        (f"{len(report.evaluations):,}", "evaluations"),
    ]
    cells = "".join(f"<div><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in facts)
    return f'<div class="facts">{cells}</div>'


def _charts(report: TuningReport) -> list[str]:
    try:
        charts = report_charts(report)
    except MissingDependencyError as error:
        return [f'<p class="note">{escape(str(error))}</p>']
    return [f"<h2>{escape(title)}</h2><figure>{svg}</figure>" for title, svg in charts]


def _table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    best: str | None = None,
    code: bool = False,
) -> str:
    head = "".join(f"<th{_kind(name)}>{escape(name)}</th>" for name in columns)
    body = []
    for row in rows:
        cells = [escape(str(cell)) for cell in row]
        if code:
            cells[0] = f"<code>{cells[0]}</code>"
        mark = ' class="best"' if best is not None and row[0] == best else ""
        filled = "".join(
            f"<td{_kind(name)}>{cell}</td>" for name, cell in zip(columns, cells, strict=True)
        )
        body.append(f"<tr{mark}>{filled}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _kind(column: str) -> str:
    return ' class="n"' if column in _NUMBERS else ""
