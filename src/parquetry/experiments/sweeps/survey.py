"""The state of every unit of a sweep at one moment, from files alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from parquetry.experiments.sweeps.attempts import (
    NO_ATTEMPT,
    Attempt,
    attempt_name,
    parse_attempt_name,
)
from parquetry.experiments.sweeps.clock import file_system_time_ns
from parquetry.experiments.sweeps.seen import seen_plan
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.experiments.sweeps.attempts import Attempts
    from parquetry.experiments.sweeps.places import Places
    from parquetry.experiments.sweeps.plan import Plan
    from parquetry.experiments.sweeps.plan_files import PlanFiles
    from parquetry.experiments.sweeps.presence import Presence
    from parquetry.experiments.sweeps.unit import UnitKey
    from parquetry.storage.protocol import Storage

UnitState = Literal["done", "running", "stale", "failed", "missing"]
STATES: tuple[UnitState, ...] = ("done", "running", "stale", "failed", "missing")
OPEN: tuple[UnitState, ...] = ("missing", "stale")  # what somebody has to run
DEFAULT_LEASE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One unit as it was seen.

    Args:
        index: Its place in the plan.
        key: The unit.
        state: Its state.
        attempt: The attempt that counts.
        beat_ns: The last heartbeat of a claim, by the clock of the file system.
    """

    index: int
    key: UnitKey
    state: UnitState
    attempt: Attempt
    beat_ns: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """The plan, and each of its units as it was seen."""

    plan: Plan
    sightings: tuple[Sighting, ...]

    def having(self, *states: UnitState) -> list[Sighting]:
        """Return the units in one of these states, in the order of the plan."""
        return [sighting for sighting in self.sightings if sighting.state in states]


class Surveyor:
    """Looks at a sweep.

    **Cost:** one walk over the folders of the rows, one listing of the attempts, and one look at each
    claim that is under way.
    """

    def __init__(
        self,
        places: Places,
        storage: Storage,
        plans: PlanFiles,
        attempts: Attempts,
        presence: Presence,
    ) -> None:
        self._places, self._storage, self._plans = places, storage, plans
        self._attempts, self._presence = attempts, presence

    def survey(self) -> Survey:
        """Return the state of every unit."""
        # Attempts before rows: a unit that is finished between the two looks has its rows in place
        # before its claim ends, so that it is seen as running, and never as missing.
        latest = self._attempts.find_latest()
        present = self._presence.find_all()
        plan = self._plans.find_plan()
        if plan is None:
            tried = (parse_attempt_name(name) for name in latest)
            units = present.union(key for key in tried if key is not None)
            plan = seen_plan(self._places.store, self._storage, units)
        beats = self._beats(plan, latest)
        return Survey(plan, tuple(_sightings(plan, latest, present, beats)))

    def _beats(self, plan: Plan, latest: Mapping[str, Attempt]) -> dict[UnitKey, tuple[int, bool]]:
        """Return the last heartbeat of each unit under a claim, and whether its lease still holds."""
        claimed = {name: a.number for name, a in latest.items() if a.state == "claim"}
        if not claimed:
            return {}
        now = file_system_time_ns(self._storage, self._places.drafts)
        beats = {}
        for key in plan.keys:
            number = claimed.get(attempt_name(key)) if claimed else None
            if number is not None:
                beats[key] = self._beat(key, number, now)
        return beats

    def _beat(self, key: UnitKey, number: int, now: int) -> tuple[int, bool]:
        facts = find_stat(self._storage, self._attempts.path(key, number, "claim"))
        if facts is None:  # it ended just now, and the next look will tell how
            return 0, True
        lease = self._attempts.read(key, number, "claim").get("lease_seconds")
        seconds = lease if isinstance(lease, (int, float)) else DEFAULT_LEASE_SECONDS
        return facts.mtime_ns, now - facts.mtime_ns <= seconds * 1e9


def _sightings(
    plan: Plan,
    latest: Mapping[str, Attempt],
    present: set[UnitKey],
    beats: Mapping[UnitKey, tuple[int, bool]],
) -> list[Sighting]:
    sightings = []
    for index, key in enumerate(plan.keys):
        attempt = latest.get(attempt_name(key), NO_ATTEMPT) if latest else NO_ATTEMPT
        beat_ns, is_live = beats.get(key, (0, False))
        state = _state(attempt, is_live=is_live, has_rows=key in present)
        sightings.append(Sighting(index, key, state, attempt, beat_ns))
    return sightings


def _state(attempt: Attempt, *, is_live: bool, has_rows: bool) -> UnitState:
    if attempt.state == "failed":
        return "failed"  # rows or not: what the attempt wrote before it failed may not be all
    if is_live:
        return "running"
    if has_rows and not attempt.is_wanted:
        return "done"  # a dead worker's, too: units are placed whole
    return "stale" if attempt.state == "claim" else "missing"
