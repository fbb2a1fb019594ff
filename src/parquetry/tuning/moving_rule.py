"""Deciding for one dataset: the rule of `deciding`, fed with the questions since the last look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.deciding import Rules, State, advance, decide, due_after, lacking
from parquetry.tuning.evaluation.verifying import find_verification
from parquetry.tuning.memory import Memory
from parquetry.tuning.options import Option, options, replay
from parquetry.tuning.prices import rent
from parquetry.tuning.room import lacks_room
from parquetry.tuning.spacing import is_worth_tuning, left_alone

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.proposing import Priced, Proposal
    from parquetry.tuning.records import MigrationJob

_CAUTION = 8.0
"""A layout that was written and refused is only tried again when it would have saved so much more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about the layout of a dataset.

    Args:
        move: The layout to move to; None to stay.
        drops: The layout that is given up for it, if one is.
        reason: Why, in a sentence for people.
        lacks_seconds: What must at least be saved yet before a move is due; None if that is not known.
        due_seconds: What questions will take until then, if they go on as they were.
    """

    move: Priced | None
    drops: str | None
    reason: str
    lacks_seconds: float | None = None
    due_seconds: float | None = None


def decide_for(
    table: str,
    proposal: Proposal,
    metadata: MetadataStore,
    config: Config,
    *,
    is_asked: bool = False,
    looking_seconds: float = 0.0,
) -> Decision:
    """Return what to do about a dataset, and remember what its questions have told.

    Args:
        table: The dataset.
        proposal: What could be done.
        metadata: Where the rule's state is kept.
        config: The settings.
        is_asked: Whether somebody wants the best layout now: then what is predicted to be faster is
            moved to, without waiting until that would have paid, and small datasets are tuned, too.
        looking_seconds: What the first look took: the first move must pay for it as well.
    """
    rows = proposal.situation.sample.rows
    groups = proposal.row_groups
    is_large = is_worth_tuning(rows, groups, config.min_rows, config.min_row_groups)
    if not (is_asked or is_large):
        return Decision(None, None, left_alone(rows, groups))
    memory = Memory.of(metadata.state(table))
    extra = memory.race_seconds if memory.state.rewrite_seconds else looking_seconds
    lack = None if is_asked else _lack(proposal, config)
    choices = _choices(table, proposal, metadata, config, extra, lack)
    memory = _advanced(memory, proposal, choices)
    metadata.save_state(table, memory.to_json())
    if is_asked:
        return _asked(proposal, memory.state, choices)
    open_job = _open_job(table, metadata)
    if open_job is not None:
        told = f"migration {open_job.job_id} to {open_job.layout.layout_id} is {open_job.state}"
        return Decision(None, None, told)
    if lack is not None and not choices:
        return Decision(None, None, lack)
    found = _ruled(proposal, memory.state, choices, config)
    rules = Rules(config.theta, config.min_queries)
    mean_seconds = min(one.seconds for one in proposal.present)
    return replace(
        found,
        lacks_seconds=lacking(memory.state, choices, rules),
        due_seconds=due_after(memory.state, choices, rules, mean_seconds),
    )


def _open_job(table: str, metadata: MetadataStore) -> MigrationJob | None:
    """Return the migration of a dataset that waits or runs already."""
    return next((job for job in metadata.jobs(table) if job.is_open), None)


def _lack(proposal: Proposal, config: Config) -> str | None:
    """Return why there cannot be one more replica, or None if there can."""
    standing = len(proposal.present) - 1
    if standing >= config.max_replicas:
        return None
    return lacks_room(config.data_dir, proposal.situation.sample.bytes)


def _choices(
    table: str,
    proposal: Proposal,
    metadata: MetadataStore,
    config: Config,
    extra_seconds: float,
    lack: str | None,
) -> list[Option]:
    """Return what can be done; what the gates refused when it was written must promise more.

    Where there is no room for one more replica, one may still take the place of another.
    """
    seconds = {one.layout_id: one.rewrite_seconds + extra_seconds for one in proposal.candidates}
    present = [one.layout_id for one in proposal.present]
    verdicts = {one: find_verification(metadata, table, one) for one in seconds}
    refused = {one for one, verdict in verdicts.items() if verdict and not verdict.passed}
    kept = rent(config, proposal.situation.sample.bytes)
    most = config.max_replicas if lack is None else len(present) - 1
    if lack is not None and not most:
        return []
    return [
        replace(option, caution=_CAUTION) if option.layout in refused else option
        for option in options(seconds, present, most, kept)
    ]


def _advanced(memory: Memory, proposal: Proposal, choices: Sequence[Option]) -> Memory:
    """Return the memory after the questions since the last look.

    An option that is new gets the counter that it would have, had it been known since the last move.
    """
    present = [one.layout_id for one in proposal.present]
    costs = {one.layout_id: one.each for one in (*proposal.present, *proposal.candidates)}
    asked_at, rests = proposal.asked_at, proposal.situation.rests
    is_new = np.array([memory.until is None or at > memory.until for at in asked_at], bool)
    is_since = np.array([memory.moved_at is None or at > memory.moved_at for at in asked_at], bool)
    gaps = _gaps(asked_at)
    is_past = is_since & ~is_new
    past = {name: each[is_past] for name, each in costs.items()}
    counters = dict(memory.state.counters)
    for option in choices:
        if option.key not in counters:
            counters[option.key] = replay(option, past, present, gaps[is_past], rests[is_past])
    state = replace(memory.state, counters=counters)
    lines = np.column_stack([each[is_new] for each in costs.values()]).tolist()
    beside = zip(gaps[is_new].tolist(), rests[is_new].tolist(), strict=True)
    for line, (gap, rest) in zip(lines, beside, strict=True):
        state = advance(state, dict(zip(costs, line, strict=True)), present, choices, gap, rest)
    return replace(memory, state=state, until=max(asked_at, default=memory.until))


def _gaps(asked_at: Sequence[dt.datetime]) -> NDArray[np.float64]:
    """Return how many seconds after the question before it each question was asked."""
    moments = np.array([at.timestamp() for at in asked_at])
    return np.diff(moments, prepend=moments[:1])


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
