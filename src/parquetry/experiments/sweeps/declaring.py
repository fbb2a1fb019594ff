"""Parameter sets get the ids that they will have when they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.grids import register_grid
from parquetry.experiments.hashing import digest_params
from parquetry.experiments.sweeps.parameter_values import encode_params
from parquetry.experiments.sweeps.plan import PlannedGrid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parquetry.experiments.hashing import CanonOptions
    from parquetry.experiments.sweeps.plan import Plan
    from parquetry.storage.protocol import Storage

_NOT_OF_THE_GRID = ("grid_id", "seed")


def plan_grids(
    store: str,
    storage: Storage,
    plan: Plan | None,
    sets: Iterable[dict[str, Any]],
    options: CanonOptions,
) -> tuple[PlannedGrid, ...]:
    """Return the grids of the parameter sets, each once; those new to the plan are kept in `grids/`.

    Keeping them settles their ids: of two sets with the same eight digits the second one's grows now,
    and not when some worker happens to write first.

    Raises:
        ParameterError: Two sets differ only in what is no part of their id, or a value is refused.
    """
    known = {
        (digest, grid_id): grid_id for grid_id, digest in (plan.digests if plan else {}).items()
    }
    grids: dict[str, PlannedGrid] = {}
    for members in sets:
        encoded = encode_params({k: v for k, v in members.items() if k not in _NOT_OF_THE_GRID})
        digest = digest_params(members, **options)
        grid_id = known.get((digest.digest, digest.grid_id)) or register_grid(
            store, storage, members, options
        )
        grid = PlannedGrid(grid_id, digest.digest, encoded)
        first = grids.setdefault(grid_id, grid)
        if first.params != grid.params:
            raise _same_id(first, grid)
    return tuple(grids.values())


def _same_id(one: PlannedGrid, other: PlannedGrid) -> ParameterError:
    differing = _differing(one.params, other.params)
    return ParameterError(
        f"Two parameter sets have the id {one.grid_id}, although they differ in "
        f"{', '.join(differing)}: paths, names of hosts and the like are no part of an id, and of a "
        "float ten digits are. Their rows would fall on each other. Nothing was declared. Leave one of "
        "them out, rename the key, or give each a grid_id of its own."
    )


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    keys = sorted({*one, *other})
    return [
        repr(key) for key in keys if key not in one or key not in other or one[key] != other[key]
    ]
