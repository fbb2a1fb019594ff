"""What others may do about a question: watch it, and answer it from other files.

Reading knows nothing of tuning; whoever wants to learn from questions implements these protocols.
Both are None where nobody does, and cost nothing then.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from parquetry.model.layouts import INITIAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.access.listing import Listing
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
    """One dataset of a question: which files were read, and what was demanded of its rows.

    Args:
        name: The name of its folder.
        files: Files that were read from.
        files_total: Files that there were, if all had to be listed.
        demands: What each place of the question that reads the dataset demands there.
        layout: Which files these were: those of a route, or the dataset's own, called `initial` here.
        is_exploration: Whether the route was taken to learn from it.
        reason: Why the route was taken.
        columns: The columns that were wanted, if the question says so itself.
        row_groups_read: Row groups whose data was looked at, if that was measured.
        row_groups_total: Row groups of those files, once for each place that reads them, if that was
            measured.
        rows: Rows that fulfilled what the engine tests while it reads, if that was measured.
        predicted_seconds: How long reading was thought to take by whoever has chosen the route.
    """

    name: str
    files: int
    files_total: int | None
    demands: tuple[tuple[Demand, ...], ...]
    layout: str = INITIAL
    is_exploration: bool = False
    reason: str = ""
    columns: tuple[str, ...] | None = None
    row_groups_read: int | None = None
    row_groups_total: int | None = None
    rows: int | None = None
    predicted_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A question that was answered: its text, the datasets that it read, and what it cost.

    Args:
        language: What the question was written in.
        text: The SQL, or the predicate of a lazy frame.
        datasets: What was read.
        stats: What it cost.
        parameters: The values of the SQL's `?` or `$name`.
    """

    language: Literal["sql", "polars"]
    text: str
    datasets: tuple[DatasetRead, ...]
    stats: QueryStats
    parameters: Sequence[Any] | Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A dataset that is about to be read for a question.

    Args:
        source: The dataset.
        text: The SQL, or the predicate of a lazy frame.
        demands: What each place of the question that reads the dataset demands there.
        language: What the question is written in.
        tables: The names of all datasets that the question reads.
        columns: The columns that are wanted, if the question says so itself.
    """

    source: Source
    text: str
    demands: tuple[tuple[Demand, ...], ...]
    language: Literal["sql", "polars"] = "sql"
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Files that answer a question in the place of the dataset's own.

    Args:
        files: Absolute paths. They hold the dataset's rows as they are now, all columns among them,
            also those that the dataset has in its paths; those that cannot concern the question may
            be missing.
        layout: What these files are called in observations.
        is_exploration: Whether they were chosen to learn from it.
        reason: Why they were chosen, for people.
        predicted_seconds: How long reading them should take.
        listing: The same files with what is known of them. A router that has asked for the dataset's
            own listing gives the columns of that, so that the answer has the same ones.
    """

    files: tuple[str, ...]
    layout: str
    is_exploration: bool = False
    reason: str = ""
    predicted_seconds: float | None = None
    listing: Listing | None = None


class Observer(Protocol):
    """Somebody who learns from questions."""

    def observed(self, observation: Observation) -> None:
        """Take note of a question; called after each answer, in the caller's thread.

        It must not raise: the answer would be lost.
        """


class Router(Protocol):
    """Somebody who knows better files for a question than the dataset's own."""

    def route(self, question: Question) -> Route | None:
        """Return the files to read, or None for the dataset's own. It must not raise."""

    def failed(self, question: Question, route: Route) -> None:
        """Take note that files of a route could not be read; the dataset's own are taken instead."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches the questions to a dataset, and who reroutes them.

    Args:
        observer: Who watches.
        router: Who reroutes.
        share_measured: The share of SQL queries whose row groups and bytes are measured, which takes
            about 0.5 ms each.
    """

    observer: Observer | None = None
    router: Router | None = None
    share_measured: float = 1.0

    def measures(self) -> bool:
        """Return whether the next query is to be measured."""
        if self.observer is None:
            return False
        return self.share_measured >= 1 or _CHANCE.random() < self.share_measured


NOBODY = Watch()
_CHANCE = random.Random(0)  # noqa: S311  no secret
