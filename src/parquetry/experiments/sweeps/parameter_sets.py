"""What a declaration lists: parameter sets, or a grid of values, and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from parquetry.errors import ParameterError
from parquetry.experiments.canonical import params_members, refuse_unreadable
from parquetry.experiments.seeds import check_seed


def list_params(
    params: Iterable[Any] | None, grid: Mapping[str, Iterable[Any]] | None
) -> list[dict[str, Any]]:
    """Return the parameter sets: those that are given, or all combinations of a grid's values.

    In a grid the last key varies fastest.

    Raises:
        ParameterError: Neither or both are given, or there is none in it.
    """
    if (params is None) == (grid is None):
        raise ParameterError(
            "A sweep is declared either by params=[…], a list of parameter sets, or by "
            "grid={'key': [values]}, whose combinations are taken. Nothing was declared."
        )
    sets = _combinations(grid) if grid is not None else _given(params)
    if not sets:
        raise ParameterError("There are no parameter sets to declare. Nothing was declared.")
    return sets


def _given(params: Any) -> list[dict[str, Any]]:
    if isinstance(params, (Mapping, str, bytes)) or not isinstance(params, Iterable):
        raise ParameterError(
            f"params={params!r:.80} is no list of parameter sets. Nothing was declared. "
            "Write params=[{…}] for a single one, or grid={'key': [values]}."
        )
    sets = [params_members(each) for each in params]
    for members in sets:
        refuse_unreadable(members)
    return sets


def _combinations(grid: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    values = {}
    for key, several in grid.items():
        if isinstance(several, (str, bytes, Mapping)) or not isinstance(several, Iterable):
            raise ParameterError(
                f"grid[{key!r}] is {several!r:.80}; expected a list of values. Nothing was declared. "
                f"A single value is a list, too: {key!r}: [{several!r:.80}]."
            )
        values[key] = list(several)
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


def list_seeds(seeds: Iterable[int]) -> list[int]:
    """Return the seeds, each once, in their order.

    Raises:
        ParameterError: There is none, or one is no whole number of 64 bits.
    """
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise ParameterError(
            f"seeds={seeds!r:.80} is no list of seeds. Nothing was declared. "
            "Write seeds=range(10) for ten seeds, seeds=[7] for one."
        )
    listed = list(dict.fromkeys(check_seed(seed, "declared") for seed in seeds))
    if not listed:
        raise ParameterError("There are no seeds to declare. Nothing was declared.")
    return listed
