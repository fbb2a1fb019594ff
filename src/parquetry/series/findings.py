"""What is wrong with a series, said before the first solve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.series.indexing import Floats, Indices


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a study cannot be solved with this data.

    Args:
        where: The series: its file, or the component and parameter.
        problem: What was expected and what was found.
        advice: What to do about it.
    """

    where: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem} {self.advice}".rstrip()

    def at(self, place: str) -> Finding:
        """Return the same finding with the place of use in front."""
        return replace(self, where=f"{place}: {self.where}" if self.where else place)


def raise_findings(findings: Sequence[Finding], tried: str) -> None:
    """Raise all findings as one letter, if there are any.

    Raises:
        SchemaMismatchError: There is at least one.
    """
    if findings:
        lines = "\n".join(f"- {finding}" for finding in findings[:20])
        more = f"\n… and {len(findings) - 20} more." if len(findings) > 20 else ""  # noqa: PLR2004
        raise SchemaMismatchError(f"{tried} {len(findings)} problem(s) were found.\n{lines}{more}")


def shape_problems(
    where: str, rows: int | None, count: int | None, last_step: int, columns: Indices | None
) -> list[Finding]:
    """Return why a series of this shape does not reach the last step or the widest column."""
    found = []
    if rows is not None and last_step >= rows:
        found.append(
            Finding(
                where,
                f"step {last_step} is needed, but there are {rows} rows (steps 0 to {rows - 1}).",
                "Shorten the time scope, or lengthen the series.",
            )
        )
    if count is not None and columns is not None and columns.size:
        low, high = int(columns.min()), int(columns.max())
        if low < 0 or high >= count:
            found.append(
                Finding(
                    where,
                    f"scenario column {high if high >= count else low} is needed, but there are "
                    f"{count} columns (0 to {count - 1}).",
                    "Check the scenario builder, or widen the series.",
                )
            )
    return found


def wrong_count(where: str, kind: str, unit: str, count: int) -> list[Finding]:
    """Return the finding for a series that must have one row or one column and has more."""
    if count == 1:
        return []
    problem = f"a {kind} has exactly one {unit}, and this has {count}."
    return [Finding(where, problem, "Declare what it varies over, or cut the file.")]


def nan_problem(where: str, count: int) -> Finding:
    """Return the finding for values that are not a number where none may be."""
    return Finding(
        where, f"{count} value(s) are NaN, and NaN is refused.", "Fill the gaps, or allow NaN."
    )


def array_problems(
    values: Floats,
    rows: int | None,
    count: int | None,
    last_step: int,
    columns: Indices | None,
    *,
    refuse_nan: bool,
) -> list[Finding]:
    """Return what is wrong with data that is in memory."""
    found = shape_problems("", rows, count, last_step, columns)
    if refuse_nan and (missing := int(np.isnan(values).sum())):
        found.append(nan_problem("", missing))
    return found
