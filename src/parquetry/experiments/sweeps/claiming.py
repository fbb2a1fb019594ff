"""Which unit is claimed next, when many look for one at once."""

from __future__ import annotations

import math
import os
import random
import socket
import threading
from typing import TYPE_CHECKING, Any

from parquetry.commits.log import author, now
from parquetry.errors import ParameterError
from parquetry.experiments.sweeps.claim import Claim
from parquetry.experiments.sweeps.survey import OPEN
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from parquetry.experiments.sweeps.attempts import Attempts
    from parquetry.experiments.sweeps.places import Places
    from parquetry.experiments.sweeps.plan import Plan
    from parquetry.experiments.sweeps.presence import Presence
    from parquetry.experiments.sweeps.survey import Sighting, Surveyor
    from parquetry.experiments.sweeps.unit import UnitKey
    from parquetry.storage.protocol import Storage

_ROUNDS = 100  # of looking again after all that was seen open had gone to others
_WIDEST = 1024


class Claimer:
    """Claims open units, roughly in the order of the plan.

    What is open is looked up once and then worked off; it is looked up again when nothing of it is
    left. Workers that meet at the same unit spread out, twice as far each time.
    """

    def __init__(
        self,
        places: Places,
        storage: Storage,
        surveyor: Surveyor,
        attempts: Attempts,
        presence: Presence,
    ) -> None:
        self._places, self._storage, self._surveyor = places, storage, surveyor
        self._attempts, self._presence = attempts, presence
        self._plan: Plan | None = None
        self._open: list[Sighting] = []  # the next one last
        self._spread = 1
        self._lock = threading.Lock()

    def claim_next(self, worker: str | None, lease_seconds: float) -> Claim | None:
        """Claim an open unit, or return None if there is none."""
        content = _content(worker, lease_seconds)
        with self._lock:
            for _ in range(_ROUNDS):
                while self._open:
                    claim = self._try(self._pop(), content)
                    if claim is not None:
                        self._spread = max(1, self._spread // 2)
                        return claim
                    self._spread = min(_WIDEST, self._spread * 2)
                self._look()
                if not self._open:
                    break
        return None

    def claim(self, key: UnitKey, worker: str | None, lease_seconds: float) -> Claim | None:
        """Claim one unit, or return None if it is not open."""
        content = _content(worker, lease_seconds)
        with self._lock:
            self._look()
            chosen = next((s for s in self._open if s.key == key), None)
            return None if chosen is None else self._try(chosen, content)

    def _look(self) -> None:
        survey = self._surveyor.survey()
        self._plan = survey.plan
        self._open = survey.having(*OPEN)[::-1]

    def _pop(self) -> Sighting:
        within = min(self._spread, len(self._open))
        return self._open.pop(-1 - random.randrange(within))  # noqa: S311 - no secret

    def _try(self, seen: Sighting, content: dict[str, Any]) -> Claim | None:
        """Begin the next attempt at a unit, unless something has changed since it was seen open."""
        if self._plan is None or not self._is_as_seen(seen):
            return None
        unit = self._plan.unit(seen.index)
        number = seen.attempt.number + 1
        if not self._attempts.begin(unit.key, number, content):
            return None
        claim = Claim(
            unit,
            number,
            content,
            is_wanted=seen.attempt.is_wanted,
            places=self._places,
            storage=self._storage,
            attempts=self._attempts,
            presence=self._presence,
        )
        if not seen.attempt.is_wanted and self._presence.has(unit):
            claim.release()  # somebody wrote it without a claim, or in another sweep
            return None
        return claim

    def _is_as_seen(self, seen: Sighting) -> bool:
        """Return whether a stale claim is still without a sign of life; others go by their number."""
        if seen.state != "stale":
            return True
        facts = find_stat(
            self._storage, self._attempts.path(seen.key, seen.attempt.number, "claim")
        )
        return facts is not None and facts.mtime_ns == seen.beat_ns


def _content(worker: str | None, lease_seconds: float) -> dict[str, Any]:
    if not (lease_seconds > 0 and math.isfinite(lease_seconds)):
        raise ParameterError(
            f"lease_seconds={lease_seconds!r} is no time to wait for a sign of life; expected a "
            "positive number of seconds. Nothing was claimed."
        )
    return {
        "worker": worker or f"{author()}:{os.getpid()}",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "claimed": now(),
        "lease_seconds": lease_seconds,
    }
