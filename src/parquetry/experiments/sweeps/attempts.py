"""Attempts at units, each one file whose name says which unit, the how many-eth time, and its state.

`grid_id=ab12cd34,seed=7.2.claim` is the second attempt at a unit, under way. An attempt begins when
its file is created, which only one process can do, and ends when the file is renamed or followed by
one of the same number. **A number is used once**: from its beginning on there is always a file with it,
and the highest number of a unit is the attempt that counts. So taking over a dead worker's unit is
nothing but creating the next number, and of several takers exactly one succeeds. Numbers rather than
one name for all: who takes over by renaming a stale claim may hit the fresh claim of another taker.

| state | |
|---|---|
| `claim` | under way, or its worker is dead: its `mtime` tells |
| `released` | ended; whether the unit is done is told by its rows |
| `failed` | ended by an error, which the file holds |
| `retried` | a failure that was answered by `retry`: run it again, whatever rows there are |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from parquetry.errors import AlreadyExistsError, NotFoundError, ParquetryError
from parquetry.model.hive import decode_segment, encode_segment
from parquetry.storage.folders import find_stat, make_folders

if TYPE_CHECKING:
    from parquetry.experiments.sweeps.unit import UnitKey
    from parquetry.storage.protocol import Storage

AttemptState = Literal["claim", "released", "failed", "retried"]
# A later state of the same number overrides an earlier one. The order is also that of looking for
# them: a failure may become `retried` between two looks, never the other way round.
_RANKS: dict[str, int] = {"claim": 0, "released": 1, "failed": 2, "retried": 3}
_ENDED: tuple[AttemptState, ...] = ("released", "failed", "retried")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt at a unit that counts; number 0 stands for none yet.

    Args:
        number: The how many-eth it is.
        state: What became of it.
        is_wanted: Whether a retry was asked for and has not been carried out since: then the unit's
            rows, if there are any, are of the attempt that failed.
    """

    number: int
    state: AttemptState
    is_wanted: bool = False


NO_ATTEMPT = Attempt(0, "released")


class Attempts:
    """The attempts at the units of one sweep."""

    def __init__(self, folder: str, storage: Storage) -> None:
        self.folder = folder
        self._storage = storage

    def path(self, key: UnitKey, number: int, state: AttemptState) -> str:
        """Return the file of an attempt."""
        return f"{self.folder}/{attempt_name(key)}.{number}.{state}"

    def find_latest(self) -> dict[str, Attempt]:
        """Return the attempt that counts for each unit that was ever tried, by `attempt_name`."""
        try:
            entries = self._storage.list_folder(self.folder)
        except NotFoundError:
            return {}
        found: dict[str, list[tuple[int, int, AttemptState]]] = {}
        for name, _ in entries:
            unit, _, number_and_state = name.rpartition(",")  # a grid_id may contain dots
            seed, _, rest = number_and_state.partition(".")
            number, _, state = rest.partition(".")
            if state not in _RANKS or not number.isdecimal():
                continue
            attempt = (int(number), _RANKS[state], cast("AttemptState", state))
            found.setdefault(f"{unit},{seed}", []).append(attempt)
        return {name: _latest(attempts) for name, attempts in found.items()}

    def begin(self, key: UnitKey, number: int, content: dict[str, Any]) -> bool:
        """Begin an attempt; return whether this process was the one to do so.

        Raises:
            StorageError: The disk refused; no attempt was begun.
        """
        storage, path = self._storage, self.path(key, number, "claim")
        if self.is_over(key, number):
            return False  # the usual reason to fail, found without writing
        make_folders(storage, self.folder)
        try:
            with storage.create(path) as file:
                file.write(json.dumps(content).encode())
        except AlreadyExistsError:
            return False
        except (ParquetryError, OSError):
            storage.unlink(path)
            raise
        if self.is_over(key, number):  # it began and ended between the first look and the creation
            storage.unlink(path)
            return False
        return True

    def is_over(self, key: UnitKey, number: int) -> bool:
        """Return whether an attempt was begun and has ended."""
        return any(self._stands(key, number, state) for state in _ENDED)

    def is_overtaken(self, key: UnitKey, number: int) -> bool:
        """Return whether a later attempt has begun, or everything was removed."""
        later = self._stands(key, number + 1, "claim") or self.is_over(key, number + 1)
        return later or not self._stands(key, number, "claim")

    def rename(self, key: UnitKey, number: int, old: AttemptState, new: AttemptState) -> bool:
        """Move an attempt to its next state; return whether it was in the old one."""
        try:
            self._storage.rename(self.path(key, number, old), self.path(key, number, new))
        except NotFoundError:
            return False
        return True

    def read(self, key: UnitKey, number: int, state: AttemptState) -> dict[str, Any]:
        """Return what an attempt's file says; empty if it is gone, or torn by a loss of power."""
        try:
            content = json.loads(self._storage.read_bytes(self.path(key, number, state)))
        except (NotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _stands(self, key: UnitKey, number: int, state: AttemptState) -> bool:
        return find_stat(self._storage, self.path(key, number, state)) is not None


def _latest(attempts: list[tuple[int, int, AttemptState]]) -> Attempt:
    number, _, state = max(attempts)
    wanted = [n for n, _, state in attempts if state == "retried"]
    answered = [n for n, _, state in attempts if state == "released"]
    return Attempt(number, state, max(wanted, default=0) > max(answered, default=0))


def attempt_name(key: UnitKey) -> str:
    """Return what the names of all attempts at a unit begin with."""
    return f"{encode_segment('grid_id', key[0])},seed={key[1]}"


def parse_attempt_name(name: str) -> UnitKey | None:
    """Return the unit of an `attempt_name`."""
    grid, _, seed = name.rpartition(",seed=")
    segment = decode_segment(grid)
    if segment is None or segment.text is None or not seed.removeprefix("-").isdecimal():
        return None
    return (segment.text, int(seed))
