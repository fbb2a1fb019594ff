"""What others may do about a question: watch it, and answer it from other files.

Reading knows nothing of tuning; whoever wants to learn from questions implements these protocols.
Both are None where nobody does, and cost nothing then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.conditions import Demand
    from parquetry.access.source import Source


@dataclass(frozen=True, slots=True)
class QueryStats:
    """What a question cost.

    Args:
        latency_seconds: From the call to the whole answer, listing included.
        rows: Rows of the answer.
        files: Files that were read from.
        files_total: Files that there were, if all had to be listed.
        row_groups_read: Row groups whose data was looked at, if that was measured.
        row_groups_total: Row groups of those files, if that was measured.
        bytes_read: Bytes that came from files, if that was measured.
    """

    latency_seconds: float
    rows: int
    files: int
    files_total: int | None = None
    row_groups_read: int | None = None
    row_groups_total: int | None = None
    bytes_read: int | None = None


@dataclass(frozen=True, slots=True)
class DatasetRead:
    """One dataset of a question: its name, how many files were read, and what was demanded of it."""

    name: str
    files: int
    files_total: int | None
    demands: tuple[tuple[Demand, ...], ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """A question that was answered: its text, the datasets that it read, and what it cost."""

    language: Literal["sql", "polars"]
    text: str
    datasets: tuple[DatasetRead, ...]
    stats: QueryStats


@dataclass(frozen=True, slots=True)
class Question:
    """A dataset that is about to be read, and what each place that reads it demands."""

    source: Source
    text: str
    demands: tuple[tuple[Demand, ...], ...]


class Observer(Protocol):
    """Somebody who learns from questions."""

    def observed(self, observation: Observation) -> None:
        """Take note of a question; called once after each answer, in the caller's thread."""


class Router(Protocol):
    """Somebody who knows better files for a question than the dataset's own."""

    def route(self, question: Question) -> Sequence[str] | None:
        """Return the files to read, or None for the dataset's own.

        They must hold the dataset's rows as they are now, with all columns, the keys among them.
        """
