"""A question as far as it is known before it is answered: what its kind is told by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.access.conditions import Demand
    from parquetry.access.observing import Observation, Question


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is about to be answered, or was.

    Args:
        language: `sql` or `polars`.
        text: The SQL, or the predicate of a lazy frame.
        tables: The datasets that it reads, sorted.
        demands: For a lazy frame, what its predicate demands of single columns.
        columns: For a lazy frame, the columns that are wanted; None for all.
    """

    language: str
    text: str
    tables: tuple[str, ...]
    demands: tuple[Demand, ...] = ()
    columns: tuple[str, ...] | None = None

    @classmethod
    def before(cls, question: Question) -> Asked:
        """Return a question that is about to be answered."""
        tables = tuple(sorted(set(question.tables)))
        if question.language == "sql":
            return cls("sql", question.text, tables)
        return cls("polars", question.text, tables, question.demands[0], question.columns)

    @classmethod
    def after(cls, observation: Observation) -> Asked:
        """Return a question that was answered."""
        tables = tuple(sorted({read.name for read in observation.datasets}))
        if observation.language == "sql":
            return cls("sql", observation.text, tables)
        [read] = observation.datasets
        return cls("polars", observation.text, tables, read.demands[0], read.columns)
