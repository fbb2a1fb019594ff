"""What commands print: tables with lines and colours in a terminal, plain text when piped."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

_LONG_WORD = 16
_NUMBER = re.compile(r"[-+]?[\d,]+(\.\d+)?(e[-+]?\d+)?( ([kMGT]?B|ms|s|%))?")


def is_plain() -> bool:
    """Return whether output goes to a pipe or file, or `DBOPT_PLAIN=1` asks for plain text."""
    return os.environ.get("DBOPT_PLAIN", "") not in {"", "0"} or not sys.stdout.isatty()


def console() -> Console:
    """Return the console that commands print to; what stands in brackets is text like any other."""
    return Console(
        no_color=is_plain(), highlight=False, soft_wrap=is_plain(), markup=False, emoji=False
    )


def say(text: str = "", *, lead: str = "", style: str = "") -> None:
    """Print a line, in a terminal with its lead in bold and the rest in a style of Rich."""
    if is_plain():
        print(lead + text)  # noqa: T201
        return
    from rich.text import Text

    console().print(Text.assemble((lead, "bold"), (text, style)))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print rows: a drawn table in a terminal, tab-separated with one header line when piped."""
    cells = [[cell_text(value) for value in row] for row in rows]
    if is_plain():
        for line in (columns, *cells):
            print("\t".join(_one_line(cell) for cell in line))  # noqa: T201
        return
    if cells and _least_width(columns, cells) > console().width:
        _show_records(columns, cells, title)
        return
    table = Table(title=title or None, title_justify="left")
    for place, name in enumerate(columns):
        side: Literal["left", "right"] = "right" if _are_numbers(cells, place) else "left"
        # a narrow terminal breaks lines and loses nothing
        table.add_column(name, overflow="fold", justify=side)
    for row in cells:
        table.add_row(*row)
    console().print(table)


def _least_width(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Return how wide a terminal must be for a table of which only very long words are broken."""
    width = 1
    for place, name in enumerate(columns):
        words = " ".join([name, *(row[place] for row in cells)]).split()
        width += 3 + min(_LONG_WORD, max(map(len, words), default=0))
    return width


def _show_records(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str) -> None:
    """Print each row as a block of its own, a line a column: words would be broken in a table."""
    table = Table(title=title or None, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for row in cells:
        for place, cell in enumerate(row):
            table.add_row(columns[place], cell, end_section=place == len(row) - 1)
    console().print(table)


def cell_text(value: Any) -> str:
    """Return how a value reads in a table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _are_numbers(cells: Sequence[Sequence[str]], place: int) -> bool:
    """Return whether a column has numbers and sizes only, so that its digits belong under each other."""
    column = [row[place] for row in cells if row[place]]
    return bool(column) and all(map(_NUMBER.fullmatch, column))


def _one_line(cell: str) -> str:
    return cell.replace("\t", " ").replace("\n", " ")
