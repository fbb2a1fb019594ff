"""What the metadata database remembers, as frozen rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from parquetry.model.layouts import INITIAL

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from parquetry.access.conditions import Demand
    from parquetry.model.layouts import Layout

Role: TypeAlias = Literal["active", "replica"]
LayoutState: TypeAlias = Literal["building", "ready", "stale", "retired", "failed"]
JobMode: TypeAlias = Literal["full", "incremental"]
JobState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
OPEN_STATES: tuple[JobState, ...] = ("queued", "running")
OperatorClass: TypeAlias = Literal["equality", "range", "membership", "prefix", "null", "other"]


@dataclass(frozen=True, slots=True)
class LoggedScan:
    """One dataset that a logged question read.

    Args:
        table: The dataset.
        layout: The layout that was read.
        demands: What each place of the question that reads the dataset demands of single columns.
        columns: The columns that were wanted, if the question says so itself.
        files: Files that were read from.
        row_groups_read: Row groups whose data was looked at, if that was measured.
        row_groups_total: Row groups of those files, if that was measured.
        rows: Rows that fulfilled what the engine tests while it reads, if that was measured.
        is_exploration: Whether the layout was chosen to learn from it.
        reason: Why it was chosen.
        predicted_seconds: How long reading was thought to take when it was chosen.
    """

    table: str
    layout: str = INITIAL
    demands: tuple[tuple[Demand, ...], ...] = ()
    columns: tuple[str, ...] | None = None
    files: int = 0
    row_groups_read: int | None = None
    row_groups_total: int | None = None
    rows: int | None = None
    is_exploration: bool = False
    reason: str = ""
    predicted_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """One question that was answered.

    Args:
        query_id: What tells it from others.
        at: When it was answered, UTC.
        language: `sql` or `polars`.
        text: The SQL, or the predicate of a lazy frame.
        cluster_id: The kind of question that it is.
        latency_ms: From the call to the whole answer.
        rows_returned: Rows of the answer.
        scans: The datasets that it read.
        files: Files that were read from.
        row_groups_read: Row groups whose data was looked at, if that was measured.
        row_groups_total: Row groups of those files, if that was measured.
        bytes_read: Bytes that came from files, if that was measured.
        parameters: The values of the SQL's `?` or `$name`, None if there are none.
        is_replayable: Whether text and parameters are kept whole, so that it can be asked again.
    """

    query_id: str
    at: dt.datetime
    language: str
    text: str
    cluster_id: str
    latency_ms: float
    rows_returned: int
    scans: tuple[LoggedScan, ...]
    files: int = 0
    row_groups_read: int | None = None
    row_groups_total: int | None = None
    bytes_read: int | None = None
    parameters: tuple[Any, ...] | Mapping[str, Any] | None = None
    is_replayable: bool = True


@dataclass(frozen=True, slots=True, order=True)
class ColumnName:
    """A column of a question; the table is empty where the question does not tell it."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" if self.table else self.column


@dataclass(frozen=True, slots=True, order=True)
class PredicateUse:
    """A column that a question filters by, and how."""

    name: ColumnName
    operator: OperatorClass


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of question: what all questions of a cluster have in common; no values.

    Args:
        cluster_id: A stable digest of the rest.
        tables: The datasets that it reads, sorted.
        predicates: The columns that it filters by, sorted.
        projected: The columns of its answer.
        grouped: The columns that it groups by, or by what is made of them.
        group_keys: Those of them that it groups by as they are.
        ordered: The columns that it orders by.
        joined: The columns that it joins on.
        template: Its text without values, if it could not be understood.
        example: One question of the kind.
    """

    cluster_id: str
    tables: tuple[str, ...]
    predicates: tuple[PredicateUse, ...] = ()
    projected: tuple[ColumnName, ...] = ()
    grouped: tuple[ColumnName, ...] = ()
    ordered: tuple[ColumnName, ...] = ()
    joined: tuple[ColumnName, ...] = ()
    template: str = ""
    example: str = ""
    group_keys: tuple[ColumnName, ...] = ()

    def group_keys_of(self, table: str) -> tuple[str, ...]:
        """Return the columns of a dataset that the question groups by as they are."""
        alone = self.tables == (table,)
        known = {table, ""} if alone else {table}
        return tuple(name.column for name in self.group_keys if name.table in known)

    def columns_of(self, table: str) -> tuple[str, ...] | None:
        """Return the columns of a dataset that the question uses; None for all, or if that is open."""
        used = {*(use.name for use in self.predicates), *self.projected, *self.grouped}
        used |= {*self.ordered, *self.joined}
        known = {name.column for name in used if name.table == table}
        is_open = "*" in known or any(name.table == "" for name in used)
        return (
            None if self.template or is_open or table not in self.tables else tuple(sorted(known))
        )


@dataclass(frozen=True, slots=True)
class KindActivity:
    """How much a dataset was asked of one kind of question in some time.

    Args:
        cluster_id: The kind.
        queries: How many questions.
        seconds: What they took.
        rows: Rows that fulfilled what the engine tests while it reads, on average; None if that was
            never measured.
        until: When the last was answered, UTC.
    """

    cluster_id: str
    queries: int
    seconds: float
    rows: float | None
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class LayoutRecord:
    """A layout that a dataset has, had, or is about to have.

    Args:
        layout_id: `initial`, or that of the layout.
        table: The dataset.
        layout: How rows are laid out; None for what the dataset came with.
        role: Whether the dataset's own folder has it, or files beside it.
        state: Whether it can be used.
        created_at: When it was asked for, UTC.
        rows: Its rows.
        row_groups: Its row groups.
        files: Its files.
        bytes: Their size.
        rewrite_seconds: What writing it took.
        rewrite_bytes: What writing it read and wrote.
        predicted: What was expected of it: a JSON value.
        message: Why it is in its state, for people.
    """

    layout_id: str
    table: str
    layout: Layout | None
    role: Role
    state: LayoutState
    created_at: dt.datetime
    rows: int | None = None
    row_groups: int | None = None
    files: int | None = None
    bytes: int | None = None
    rewrite_seconds: float | None = None
    rewrite_bytes: int | None = None
    predicted: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """How questions of one window fared with one layout.

    Args:
        table: The dataset.
        layout: The layout.
        cluster_id: The kind of question; None for all of them.
        window_start: The window, UTC.
        window_end: Its end.
        queries: Questions of the window that were answered from the layout.
        avg_latency_ms: Their mean latency; None without any.
        p95_latency_ms: Its 95th percentile.
        p99_latency_ms: Its 99th percentile.
        row_groups_read: Row groups read, on average.
        rows_scanned: Rows of those row groups, on average.
        baseline: The layout that it is compared with.
        baseline_latency_ms: That layout's mean latency on the same kinds of question.
        latency_improvement: The share of the baseline's latency that it saves.
        rewrite_cost: What writing it cost, in the unit of the reward.
        reward: `alpha * latency_improvement - beta * rewrite_cost`; None if it was not scored.
        note: Why it was not scored, such as `insufficient data`.
    """

    table: str
    layout: str
    cluster_id: str | None
    window_start: dt.datetime
    window_end: dt.datetime
    queries: int
    avg_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    p99_latency_ms: float | None = None
    row_groups_read: float | None = None
    rows_scanned: float | None = None
    baseline: str = INITIAL
    baseline_latency_ms: float | None = None
    latency_improvement: float | None = None
    rewrite_cost: float | None = None
    reward: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MigrationJob:
    """A layout that is to be written, or was.

    Args:
        job_id: Its number; 0 before it is queued.
        table: The dataset.
        layout: The layout to write.
        mode: All at once, or a few files at a time.
        role: Whether the dataset's own folder gets it, or files beside it.
        state: How far it is.
        owner: Who works on it.
        heartbeat_at: When its owner last gave a sign of life, UTC.
        progress: The share that is done, 0 to 1.
        estimate_seconds: How long it takes altogether, as far as that can be told.
        created_at: When it was asked for, UTC.
        started_at: When somebody began.
        finished_at: When it ended.
        message: Why it ended so, for people.
        resume: What the next owner needs to go on: a JSON value.
    """

    table: str
    layout: Layout
    mode: JobMode = "full"
    role: Role = "replica"
    job_id: int = 0
    state: JobState = "queued"
    owner: str | None = None
    heartbeat_at: dt.datetime | None = None
    progress: float = 0.0
    estimate_seconds: float | None = None
    created_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    message: str = ""
    resume: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN_STATES
