"""What a sweep is made of: one seed of one grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

UnitKey = tuple[str, int]  # grid_id and seed, where ten thousand of them count


@dataclass(frozen=True, slots=True)
class Unit:
    """One seed of one grid: what one claim is for and one run produces.

    Args:
        index: Its place in the plan, from 0; it never changes in a declared sweep.
        grid_id: The id of its parameters.
        seed: Its seed.
        params: Its parameters with `grid_id` and `seed`, as `write_event_rows` takes them.
    """

    index: int
    grid_id: str
    seed: int
    params: dict[str, Any] = field(compare=False)

    @property
    def key(self) -> UnitKey:
        """The grid and the seed."""
        return (self.grid_id, self.seed)

    def __str__(self) -> str:
        return f"seed {self.seed} of grid {self.grid_id}"
