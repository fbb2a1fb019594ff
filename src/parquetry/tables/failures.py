"""What was wrong with rows: which rule, how many rows, and the first of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RULE = "rule"
"""The column of a quarantined row that names the rules it broke."""
EXAMPLES = 3
_SHOWN_LETTERS = 60
_KEPT_ROWS = 10_000


@dataclass(frozen=True)
class Failure:
    """One rule that some rows broke.

    Args:
        rule: Its name.
        columns: The columns that it is about.
        count: How many rows broke it.
        examples: The first of these rows, with their `row` number, the key and the rule's columns.
        about_key: Whether it is a rule of the key: a NULL or a duplicate.
        meaning: What the rule says, in words.
    """

    rule: str
    columns: tuple[str, ...]
    count: int
    examples: pl.DataFrame
    about_key: bool = False
    meaning: str = ""

    def describe(self) -> str:
        """Return the rule, the count and the first rows as text."""
        rows = "row breaks" if self.count == 1 else "rows break"
        meaning = f" ({self.meaning})" if self.meaning else ""
        return f"{self.count:,} {rows} the rule `{self.rule}`{meaning}: {self.describe_examples()}"

    def describe_examples(self) -> str:
        """Return the first rows as text."""
        shown = "; ".join(row_text(row) for row in self.examples.iter_rows(named=True))
        return f"{shown}{', …' if self.count > self.examples.height else ''}"


@dataclass(frozen=True)
class Failures:
    """All rules that were broken, and the rows that broke them; empty, and false, if none were.

    Args:
        table: The table's name and version.
        items: The failures, one a rule.
        rows: The bad rows as they came, with the names of the rules they broke as column `rule`.
        count: How many bad rows there are.
        shared: The keys that some of these rows share.
    """

    table: str
    items: tuple[Failure, ...] = ()
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    count: int = 0
    shared: pl.DataFrame = field(default_factory=pl.DataFrame)

    def __bool__(self) -> bool:
        return bool(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Failure]:
        return iter(self.items)

    def counts(self) -> dict[str, int]:
        """Return how many rows broke each rule."""
        return {failure.rule: failure.count for failure in self.items}

    def to_frame(self) -> pl.DataFrame:
        """Return the bad rows with the column `rule`, as a quarantine keeps them."""
        return self.rows

    def describe(self) -> str:
        """Return the whole list as text, one rule a line."""
        if not self.items:
            return f"Every row is a row of {self.table}."
        rows = "row is no row" if self.count == 1 else "rows are no rows"
        lines = [f"{self.count:,} {rows} of {self.table}:"]
        return "\n".join([*lines, *(f"- {failure.describe()}" for failure in self.items)])


def merge_failures(table: str, parts: Iterable[Failures], *, numbered: bool = False) -> Failures:
    """Return the failures of rows that were looked at part by part, as one.

    Of the bad rows only the first thousands are kept.

    Args:
        table: The table's name and version.
        parts: The failures of each part.
        numbered: Whether the numbers of rows mean something across parts; else they are left out.
    """
    found = [part for part in parts if part]
    items: dict[str, Failure] = {}
    rows: list[pl.DataFrame] = []
    for part in found:
        for item in part:
            examples = item.examples if numbered else item.examples.drop("row", strict=False)
            items[item.rule] = _joined(items.get(item.rule), replace(item, examples=examples))
        if sum(frame.height for frame in rows) < _KEPT_ROWS:
            rows.append(part.rows.head(_KEPT_ROWS))
    kept = pl.concat(rows, how="diagonal_relaxed") if rows else pl.DataFrame()
    return Failures(table, tuple(items.values()), kept, sum(part.count for part in found))


def _joined(known: Failure | None, more: Failure) -> Failure:
    if known is None:
        return more
    both = pl.concat([known.examples, more.examples], how="diagonal_relaxed").head(EXAMPLES)
    return replace(known, count=known.count + more.count, examples=both)


def row_text(row: dict[str, object]) -> str:
    """Return a row as messages show it, with its number `row` if it has one."""
    number = row.pop("row", None)
    values = ", ".join(f"{name}={short_text(value)}" for name, value in row.items())
    return f"({values})" if number is None else f"row {number} ({values})"


def short_text(value: object) -> str:
    """Return a value as messages show it."""
    text = value.isoformat() if isinstance(value, dt.date) else repr(value)
    return text if len(text) <= _SHOWN_LETTERS else f"{text[: _SHOWN_LETTERS - 1]}…"
