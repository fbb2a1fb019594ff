"""What the rule of moving remembers of a dataset from one look to the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parquetry.tuning.deciding import State, moved
from parquetry.tuning.replicas.state import settle_records

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.metadata.store import MetadataStore

_TIMES = ("until", "moved_at")


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept between two looks.

    The rule's state, until when questions were counted, when the last move was, and what finding out
    took whether its layout is faster: the next move will take that as well.
    """

    state: State
    until: dt.datetime | None
    moved_at: dt.datetime | None
    race_seconds: float = 0.0

    @classmethod
    def of(cls, document: Any) -> Memory:
        """Return the memory of plain values; nothing is the beginning."""
        if not document:
            return cls(State(), None, None)
        until, moved_at = (
            document[name] and dt.datetime.fromisoformat(document[name]) for name in _TIMES
        )
        state = State.from_json(document["state"])
        return cls(state, until, moved_at, document.get("race_seconds", 0.0))

    def to_json(self) -> dict[str, Any]:
        """Return the memory as plain values."""
        moments = (self.until, self.moved_at)
        times = {name: at and at.isoformat() for name, at in zip(_TIMES, moments, strict=True)}
        return {"state": self.state.to_json(), **times, "race_seconds": self.race_seconds}


def remember_move(table: str, seconds: float, metadata: MetadataStore) -> None:
    """Take note that a dataset was moved to another layout, which took some seconds."""
    memory = Memory.of(metadata.state(table))
    state = moved(memory.state, seconds)
    now = dt.datetime.now(dt.UTC)
    metadata.save_state(table, replace(memory, state=state, moved_at=now).to_json())


def remember_race(table: str, seconds: float, metadata: MetadataStore) -> None:
    """Take note that finding out whether a new layout is faster took some seconds."""
    memory = Memory.of(metadata.state(table))
    state = replace(memory.state, rewrite_seconds=memory.state.rewrite_seconds + seconds)
    metadata.save_state(table, replace(memory, state=state, race_seconds=seconds).to_json())


def settle(dataset: Dataset, metadata: MetadataStore) -> None:
    """Let replicas that writing has made stale count as layouts that are not there.

    What others would have saved counts from here on: before, the questions were answered from them.
    So making one anew costs no more than the questions that it was missed by, whatever is written.

    **Cost:** one `stat` a file of the dataset.
    """
    home, storage = dataset.source.home, dataset.source.storage
    if settle_records(metadata, dataset.name, home, storage):
        remember_move(dataset.name, 0.0, metadata)
