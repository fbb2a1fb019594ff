"""The plan of a sweep: which units there are, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.sweeps.parameter_values import decode_params
from parquetry.experiments.sweeps.unit import Unit, UnitKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class PlannedGrid:
    """One parameter set of a declaration.

    Args:
        grid_id: Its id in this store.
        digest: The whole hash of its parameters.
        params: The parameters as JSON holds them, without `grid_id` and `seed`.
    """

    grid_id: str
    digest: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One declaration: every grid with every seed, the seeds of a grid one after the other."""

    grids: tuple[PlannedGrid, ...]
    seeds: tuple[int, ...]

    def keys(self) -> Iterable[UnitKey]:
        """Yield the units in the order of their indices."""
        for grid in self.grids:
            for seed in self.seeds:
                yield (grid.grid_id, seed)


@dataclass(frozen=True)
class Plan:
    """All units in the order of their indices, and their parameters.

    Args:
        keys: The units.
        read_params: Gives the encoded parameters of a grid.
        parts: How many declarations it is made of; 0 if it was gathered from what was seen.
        digests: The whole hash of each declared grid.
    """

    keys: tuple[UnitKey, ...]
    read_params: Callable[[str], Mapping[str, Any]] = field(repr=False)
    parts: int = 0
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, parts: list[PlanPart]) -> Plan:
        """Return the union of the declarations; what a later one repeats keeps its place."""
        grids: dict[str, PlannedGrid] = {}
        keys: dict[UnitKey, None] = {}
        for part in parts:
            for grid in part.grids:
                grids.setdefault(grid.grid_id, grid)
            keys.update(dict.fromkeys(part.keys()))
        digests = {grid_id: grid.digest for grid_id, grid in grids.items()}
        return cls(tuple(keys), lambda grid_id: grids[grid_id].params, len(parts), digests)

    def unit(self, index: int) -> Unit:
        """Return a unit by its place.

        Raises:
            ParameterError: The plan has no such place, or one of the parameters cannot be given back.
        """
        if not 0 <= index < len(self.keys):
            raise ParameterError(
                f"There is no unit {index}: the plan has {len(self.keys)} units, counted from 0. "
                "Nothing was run."
            )
        grid_id, seed = self.keys[index]
        params = decode_params(self.read_params(grid_id))
        return Unit(index, grid_id, seed, {**params, "grid_id": grid_id, "seed": seed})
