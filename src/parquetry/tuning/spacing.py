"""When to look for layouts again: not before it can matter, and not more than questions are worth.

A question saves no more than it takes. So nothing can be decided before the questions since the last
look have taken what is still lacking for a move, and who waits until then misses nothing. Looking for
layouts that cannot be had, or watching those that are there, is held to a share of the questions' time.
"""

from __future__ import annotations

import datetime as dt
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from parquetry.tuning.notebook import find_notebook
from parquetry.tuning.proposing import rewrite_estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import KindActivity

_KEY = "looking"
_LEAST_SPARED = 0.1
"""So much of a question's time a layout might spare, even if nearly all rows fulfil what it asks."""
_FIRST_SECONDS = 1.0  # that the first look takes, about
_FIRST_TIMES = 10
"""The first look may take so many times the share of the others, of what layouts can spare at most."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking for layouts has taken so far, and what is known since.

    Args:
        until: When the last question was asked that was looked at; empty before the first look.
        asked_seconds: What all questions until then took.
        seconds: What all looks but the first took, without the migrations that they led to.
        last_seconds: What the last look took.
        first_seconds: What the first look took, the sample among it: a part of the first move.
        lacks_seconds: What must at least be saved yet before a move is due; None if it may be any time.
        due_seconds: What questions will take until then, if they go on as they were; None if nothing
            would have been saved so far.
    """

    until: str = ""
    asked_seconds: float = 0.0
    seconds: float = 0.0
    last_seconds: float = 0.0
    first_seconds: float = 0.0
    lacks_seconds: float | None = None
    due_seconds: float | None = None

    @classmethod
    def of(cls, table: str, metadata: MetadataStore) -> Looked:
        """Return what is remembered of a dataset."""
        return cls(**(metadata.state(table, _KEY) or {}))

    def with_the_next(self, *, has_come_of_it: bool) -> float:
        """Return what looking will have taken after one more look.

        Args:
            has_come_of_it: Whether a layout was written: the first look was a part of what that took.
        """
        first = 0.0 if has_come_of_it else self.first_seconds
        return first + self.seconds + (self.last_seconds or first)

    @property
    def since(self) -> dt.datetime | None:
        """When the last question was asked that was looked at."""
        return dt.datetime.fromisoformat(self.until) if self.until else None


def why_wait(dataset: Dataset, metadata: MetadataStore, config: Config) -> str | None:
    """Return why it is no use to look for layouts now, None if it may be.

    **Cost:** two small queries of the metadata database, one `stat` a file, and the footers of files
    that have changed.
    """
    looked = Looked.of(dataset.name, metadata)
    new = metadata.activity(dataset.name, looked.since)
    if not new:
        return "nothing was asked since the last look"
    listing = dataset.source.listing()
    extent = find_notebook(dataset, metadata).extent(listing)
    if not is_worth_tuning(extent.rows, extent.row_groups, config.min_rows, config.min_row_groups):
        return left_alone(extent.rows, extent.row_groups)
    if not looked.until and sum(kind.queries for kind in new) < config.min_queries:
        return "too few questions were asked yet"
    records = [one for one in metadata.layouts(dataset.name) if one.state == "ready"]
    lacks = looked.lacks_seconds
    if not looked.until:
        worth_looking = _FIRST_SECONDS / (_FIRST_TIMES * config.share_looking)
        lacks = max(config.theta * rewrite_estimate(records, extent), worth_looking)
    has_come_of_it = any(one.layout is not None for one in records)
    is_watching = bool(looked.until) and has_come_of_it
    if lacks and not is_watching and lacks > sum(_spared(kind, extent.rows) for kind in new):
        return "no layout can have paid yet, whatever it spares"
    if looked.due_seconds is not None and _seconds(new) >= looked.due_seconds:
        return None  # this look should lead to a move, and is a small part of what that takes
    allowed = config.share_looking * (looked.asked_seconds + _seconds(new))
    if looked.until and looked.with_the_next(has_come_of_it=has_come_of_it) > allowed:
        return "looking has taken its share of the questions' time"
    return None


def is_worth_tuning(rows: int, row_groups: int, min_rows: int, min_row_groups: int) -> bool:
    """Return whether a dataset is large enough for its layout to matter."""
    return rows >= min_rows and row_groups >= min_row_groups


def left_alone(rows: int, row_groups: int) -> str:
    """Return why a small dataset is not laid out anew."""
    return (
        f"left alone: {rows:,} rows in {row_groups:,} row groups are too few for layouts to matter"
    )


def _seconds(kinds: Sequence[KindActivity]) -> float:
    return sum(kind.seconds for kind in kinds)


def _spared(kind: KindActivity, rows: int) -> float:
    """Return what layouts can spare of a kind of question at most: not the rows that it keeps."""
    kept = kind.rows / rows if kind.rows is not None and rows else 0.0
    return kind.seconds * max(_LEAST_SPARED, 1.0 - kept)


class Look:
    """One look, and how long it takes without the migration that it leads to.

    Args:
        table: The dataset.
        metadata: Where that is remembered.
    """

    def __init__(self, table: str, metadata: MetadataStore) -> None:
        self._table, self._metadata = table, metadata
        self._start = time.perf_counter()
        self._before = Looked.of(table, metadata)
        self.moving_seconds = 0.0

    @property
    def first_seconds(self) -> float:
        """What the first look took, so far if this is it."""
        return self._before.first_seconds if self._before.until else self._own_seconds

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Take what is done in the block for a part of a move."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.moving_seconds += time.perf_counter() - start

    def end(self, lacks_seconds: float | None, due_seconds: float | None = None) -> None:
        """Remember the look.

        Args:
            lacks_seconds: What must at least be saved yet before a move is due.
            due_seconds: What questions will take until then, if they go on as they were.
        """
        new = self._metadata.activity(self._table, self._before.since)
        until = max((kind.until for kind in new), default=None)
        own, before = self._own_seconds, self._before
        after = replace(
            before,
            until=until.isoformat() if until else before.until,
            asked_seconds=before.asked_seconds + _seconds(new),
            last_seconds=own,
            lacks_seconds=lacks_seconds,
            due_seconds=due_seconds,
        )
        if before.until:
            after = replace(after, seconds=before.seconds + own)
        else:
            after = replace(after, first_seconds=before.first_seconds + own, last_seconds=0.0)
        self._metadata.save_state(self._table, asdict(after), _KEY)

    @property
    def _own_seconds(self) -> float:
        return time.perf_counter() - self._start - self.moving_seconds
