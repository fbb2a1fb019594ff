"""Deciding for one dataset: the rule of `deciding`, fed with the questions since the last look."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parquetry.tuning.deciding import (
    Option,
    Rules,
    State,
    advance,
    decide,
    is_worth_tuning,
    moved,
    options,
    replay,
)
from parquetry.tuning.evaluation.verifying import find_verification
from parquetry.tuning.replicas.state import settle_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.proposing import Priced, Proposal

_CAUTION = 8.0
"""A layout that was written and refused is only tried again when it would have saved so much more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about the layout of a dataset.

    Args:
        move: The layout to move to; None to stay.
        drops: The layout that is given up for it, if one is.
        reason: Why, in a sentence for people.
    """

    move: Priced | None
    drops: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Memory:
    """What is kept between two looks: the rule's state, until when questions were counted, the move."""

    state: State
    until: dt.datetime | None
    moved_at: dt.datetime | None

    @classmethod
    def of(cls, document: Any) -> _Memory:
        if not document:
            return cls(State(), None, None)
        moments = [document[name] and dt.datetime.fromisoformat(document[name]) for name in _TIMES]
        return cls(State.from_json(document["state"]), *moments)

    def to_json(self) -> dict[str, Any]:
        moments = (self.until, self.moved_at)
        times = {name: at and at.isoformat() for name, at in zip(_TIMES, moments, strict=True)}
        return {"state": self.state.to_json(), **times}


_TIMES = ("until", "moved_at")


def decide_for(
    table: str,
    proposal: Proposal,
    metadata: MetadataStore,
    config: Config,
    *,
    is_asked: bool = False,
) -> Decision:
    """Return what to do about a dataset, and remember what its questions have told.

    Args:
        table: The dataset.
        proposal: What could be done.
        metadata: Where the rule's state is kept.
        config: The settings.
        is_asked: Whether somebody wants the best layout now: then what is predicted to be faster is
            moved to, without waiting until that would have paid, and small datasets are tuned, too.
    """
    rows = proposal.situation.sample.rows
    groups = proposal.row_groups
    is_large = is_worth_tuning(rows, groups, config.min_rows, config.min_row_groups)
    if not (is_asked or is_large):
        text = (
            f"left alone: {rows:,} rows in {groups:,} row groups are too few for layouts to matter"
        )
        return Decision(None, None, text)
    choices = _choices(table, proposal, metadata, config)
    memory = _advanced(_Memory.of(metadata.state(table)), proposal, choices)
    metadata.save_state(table, memory.to_json())
    if is_asked:
        return _asked(proposal, memory.state, choices)
    return _ruled(proposal, memory.state, choices, config)


def remember_move(table: str, seconds: float, metadata: MetadataStore) -> None:
    """Take note that a dataset was moved to another layout, which took some seconds."""
    memory = _Memory.of(metadata.state(table))
    state = moved(memory.state, seconds)
    now = dt.datetime.now(dt.UTC)
    metadata.save_state(table, _Memory(state, memory.until, now).to_json())


def settle(dataset: Dataset, metadata: MetadataStore) -> None:
    """Let replicas that writing has made stale count as layouts that are not there.

    What others would have saved counts from here on: before, the questions were answered from them.
    So making one anew costs no more than the questions that it was missed by, whatever is written.

    **Cost:** one `stat` a file of the dataset.
    """
    home, storage = dataset.source.home, dataset.source.storage
    if settle_records(metadata, dataset.name, home, storage):
        remember_move(dataset.name, 0.0, metadata)


def _choices(
    table: str, proposal: Proposal, metadata: MetadataStore, config: Config
) -> list[Option]:
    """Return what can be done; what the gates refused when it was written must promise more."""
    seconds = {one.layout_id: one.rewrite_seconds for one in proposal.candidates}
    present = [one.layout_id for one in proposal.present]
    verdicts = {one: find_verification(metadata, table, one) for one in seconds}
    refused = {one for one, verdict in verdicts.items() if verdict and not verdict.passed}
    return [
        replace(option, caution=_CAUTION) if option.layout in refused else option
        for option in options(seconds, present, config.max_replicas)
    ]


def _advanced(memory: _Memory, proposal: Proposal, choices: Sequence[Option]) -> _Memory:
    """Return the memory after the questions since the last look.

    An option that is new gets the counter that it would have, had it been known since the last move.
    """
    present = [one.layout_id for one in proposal.present]
    known = (*proposal.present, *proposal.candidates)
    costs = [
        dict(zip((one.layout_id for one in known), each, strict=True))
        for each in zip(*(one.each for one in known), strict=True)
    ]
    asked = list(zip(proposal.asked_at, costs, strict=True))
    since = [(at, each) for at, each in asked if memory.moved_at is None or at > memory.moved_at]
    past = [each for at, each in since if memory.until is not None and at <= memory.until]
    counters = dict(memory.state.counters)
    for option in choices:
        if option.key not in counters:
            counters[option.key] = replay(option, past, present)
    state = replace(memory.state, counters=counters)
    for at, each in asked:
        if memory.until is None or at > memory.until:
            state = advance(state, each, present, choices)
    until = max(proposal.asked_at, default=memory.until)
    return _Memory(state, until, memory.moved_at)


def _ruled(proposal: Proposal, state: State, choices: Sequence[Option], config: Config) -> Decision:
    rules = Rules(config.theta, config.min_queries)
    option = decide(state, choices, rules)
    if option is not None:
        saved = state.counters[option.key]
        told = (
            f"{option.key} would have saved {saved:.1f} s since the last move, and writing it takes "
            f"{option.rewrite_seconds:.1f} s"
        )
        return Decision(_priced(proposal, option), option.drops, told)
    if not choices:
        return Decision(None, None, "no layout is known that is not there already")
    if state.queries < config.min_queries:
        few = f"{state.queries} of {config.min_queries} questions since the last move"
        return Decision(None, None, f"too early: {few}")
    best = max(choices, key=lambda one: state.counters[one.key] - one.rewrite_seconds)
    told = (
        f"stay: {best.key} would have saved {state.counters[best.key]:.1f} s since the last move; "
        f"writing it takes {best.rewrite_seconds:.1f} s"
    )
    return Decision(None, None, told + (", and moving has been dear" if state.is_cautious else ""))


def _asked(proposal: Proposal, state: State, choices: Sequence[Option]) -> Decision:
    best = proposal.best
    if best is None:
        return Decision(None, None, "no layout is predicted to be faster than what is there")
    ways = [option for option in choices if option.layout == best.layout_id]
    way = max(ways, key=lambda option: state.counters.get(option.key, 0.0))
    fastest = min(one.seconds for one in proposal.present)
    told = (
        f"asked for: {best.layout_id} is predicted to take {best.seconds * 1e3:.2f} ms a question "
        f"instead of {fastest * 1e3:.2f} ms"
    )
    return Decision(best, way.drops, told)


def _priced(proposal: Proposal, option: Option) -> Priced:
    return next(one for one in proposal.candidates if one.layout_id == option.layout)
