"""Decoded pieces of files, kept within one budget of bytes for the whole process.

A tile is one row group of one file: its steps, and as many of its columns as were asked for so far.
Columns lie one after the other, so a block of steps of one scenario is one run of memory.

Who goes first when the budget is full: a simulation walks through time, again and again from the
start, so the tile that is needed again last is the one whose steps were just passed, then the one far
ahead. Without a walk it is the tile that was not used for longest.
"""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.series.indexing import Floats, Indices

BUDGET_VARIABLE = "PARQUETRY_SERIES_CACHE_BYTES"
DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
_ROOM = 0.9  # evict to this share of the budget, so that not every load has to look for a victim
_clock = itertools.count()


class Tile:
    """Some columns of one row group, decoded.

    Args:
        first: The absolute step of the first row.
        rows: How many rows there are.
        width: How many columns the file has.
        forget: What to call when the tile is evicted.
    """

    __slots__ = (
        "accounted_bytes",
        "first",
        "forget",
        "position",
        "rows",
        "used",
        "used_at",
        "values",
    )

    def __init__(self, first: int, rows: int, width: int, forget: Callable[[], None]) -> None:
        self.first = first
        self.rows = rows
        self.forget = forget
        self.position = np.full(width, -1, np.intp)
        self.values: Floats = np.empty((0, rows))
        self.used = 0
        self.used_at = 0
        self.accounted_bytes = 0  # belongs to the cache, which changes it under its lock

    @property
    def used_bytes(self) -> int:
        """The bytes that hold values."""
        return self.used * self.rows * 8

    def touch(self) -> None:
        """Note that the tile was used just now."""
        self.used_at = next(_clock)

    def fill(self, columns: Indices, values: Floats) -> None:
        """Add columns that are not here yet; a reader finds them only once they are whole."""
        count = len(columns)
        width = len(self.position)
        if count == width:
            self.values = values
        else:
            if not self.used:
                self.values = np.empty(
                    (width, self.rows)
                )  # the system gives pages as they are filled
            self.values[self.used : self.used + count] = values
        self.position[columns] = np.arange(self.used, self.used + count)
        self.used += count


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What the tiles of this process hold and have done.

    Args:
        budget_bytes: How much the tiles may hold.
        used_bytes: How much they hold.
        tiles: How many there are.
        decoded_bytes: How many bytes of values were decoded since the process began.
        evicted_tiles: How many tiles have gone since the process began.
    """

    budget_bytes: int
    used_bytes: int
    tiles: int
    decoded_bytes: int
    evicted_tiles: int


class TileCache:
    """All tiles of one process, and the budget that they share."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.decoded_bytes = 0
        self._tiles: set[Tile] = set()
        self._used_bytes = 0
        self._evicted = 0
        self._walks: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def walk_to(self, step: int, period: int) -> None:
        """Say which step this thread is at, and after how many steps its walk begins anew."""
        self._walks[threading.get_ident()] = (step, max(1, period))

    def end_walk(self) -> None:
        """Say that this thread walks no more."""
        self._walks.pop(threading.get_ident(), None)

    def account(self, tile: Tile, decoded_bytes: int) -> None:
        """Count bytes that were just decoded into a tile, and make room for them."""
        with self._lock:
            self.decoded_bytes += decoded_bytes
            self._tiles.add(tile)
            self._used_bytes += tile.used_bytes - tile.accounted_bytes
            tile.accounted_bytes = tile.used_bytes
            victims = self._make_room(tile)
        for victim in victims:
            victim.forget()

    def clear(self) -> None:
        """Forget every tile."""
        with self._lock:
            victims, self._tiles, self._used_bytes = self._tiles, set(), 0
        for victim in victims:
            victim.forget()

    def info(self) -> CacheInfo:
        """Return what the tiles hold."""
        return CacheInfo(
            self.budget_bytes,
            self._used_bytes,
            len(self._tiles),
            self.decoded_bytes,
            self._evicted,
        )

    def _make_room(self, newest: Tile) -> list[Tile]:
        if self._used_bytes <= self.budget_bytes:
            return []
        walks = list(self._walks.values())
        order = sorted(self._tiles - {newest}, key=lambda tile: _next_use(tile, walks))
        victims = []
        while order and self._used_bytes > self.budget_bytes * _ROOM:
            victim = order.pop()
            victims.append(victim)
            self._tiles.discard(victim)
            self._used_bytes -= victim.accounted_bytes
            victim.accounted_bytes = 0
        self._evicted += len(victims)
        return victims


def _next_use(tile: Tile, walks: list[tuple[int, int]]) -> tuple[int, int]:
    """Return a key that grows with the time until a tile is needed again."""
    wait = min((_steps_until(tile, *walk) for walk in walks), default=0)
    return wait, -tile.used_at


def _steps_until(tile: Tile, step: int, period: int) -> int:
    if tile.first <= step < tile.first + tile.rows:
        return 0
    return (tile.first - step) % period


def _budget_from_environment() -> int:
    text = os.environ.get(BUDGET_VARIABLE, "")
    return int(text) if text.isdecimal() else DEFAULT_BUDGET_BYTES


tile_cache = TileCache(_budget_from_environment())


def set_cache_budget(budget_bytes: int) -> None:
    """Set how many bytes of decoded values this process may keep, over all series together."""
    tile_cache.budget_bytes = budget_bytes


def cache_info() -> CacheInfo:
    """Return what this process keeps of decoded values."""
    return tile_cache.info()
