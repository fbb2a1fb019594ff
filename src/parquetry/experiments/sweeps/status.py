"""How far a sweep is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.experiments.sweeps.survey import STATES

if TYPE_CHECKING:
    from parquetry.experiments.sweeps.places import Places
    from parquetry.experiments.sweeps.survey import Survey

_SHOWN_GRIDS = 20


@dataclass(frozen=True, slots=True)
class GridStatus:
    """How far one grid is; the numbers are units."""

    grid_id: str
    total: int
    done: int = 0
    running: int = 0
    stale: int = 0
    failed: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class SweepStatus:
    """How far a sweep is, at one moment; each unit counts in one state.

    Args:
        name: The sweep's name.
        store: The folder of its rows.
        is_declared: Whether it has a plan; without one the units are all grids with all seeds seen.
        total: How many units there are.
        done: Units of which there are rows.
        running: Units that a live worker holds.
        stale: Units whose worker has given no sign for the time of its lease; others take them over.
        failed: Units that ended in an error, until they are retried.
        missing: Units that nobody has begun, or that were given back.
        grids: The same for each grid, in the order of the plan.
    """

    name: str
    store: str
    is_declared: bool
    total: int
    done: int
    running: int
    stale: int
    failed: int
    missing: int
    grids: tuple[GridStatus, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every unit is done."""
        return self.done == self.total

    def __repr__(self) -> str:
        share = f" ({100 * self.done // self.total} %)" if self.total else ""
        rest = [f"{getattr(self, state)} {state}" for state in STATES[1:] if getattr(self, state)]
        plan = "" if self.is_declared else " (not declared: all grids with all seeds seen)"
        head = ", ".join([f"{self.done} of {self.total} units done{share}", *rest])
        lines = [f"sweep {self.name!r} in {self.store}{plan}", head, *self._table()]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        unfinished = [grid for grid in self.grids if grid.done < grid.total]
        rows = [
            (g.grid_id, f"{g.done}/{g.total}", g.running, g.stale, g.failed, g.missing)
            for g in unfinished[:_SHOWN_GRIDS]
        ]
        if not rows:
            return []
        table = [[str(cell) for cell in row] for row in [("grid_id", *STATES), *rows]]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in table
        ]
        more = len(unfinished) - len(rows)
        return [*lines, f"… and {more} more unfinished grids"] if more else lines


def status_of(survey: Survey, places: Places) -> SweepStatus:
    """Return the numbers of a survey."""
    by_grid: dict[str, Counter[str]] = {}
    for sighting in survey.sightings:
        by_grid.setdefault(sighting.key[0], Counter())[sighting.state] += 1
    grids = tuple(
        GridStatus(grid_id, counts.total(), **counts) for grid_id, counts in by_grid.items()
    )
    sums = {state: sum(getattr(grid, state) for grid in grids) for state in STATES}
    is_declared = survey.plan.parts > 0
    total = len(survey.sightings)
    return SweepStatus(places.name, places.store, is_declared, total, **sums, grids=grids)
