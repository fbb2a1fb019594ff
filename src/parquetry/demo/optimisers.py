"""Two optimisers and three functions to minimise: the experiment of the demonstration.

The (1+1) evolution strategy adapts its step by Rechenberg's one-fifth rule (Rechenberg 1973;
Kern et al., *Natural Computing* 3, 2004); differential evolution is DE/rand/1/bin (Storn and Price,
*J. Global Optimization* 11, 1997). The functions have their minimum, 0, inside [-5, 5]^d.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = NDArray[np.float64]
Function = Callable[[Point], float]
_BOUND = 5.0


def sphere(x: Point) -> float:
    """Return the sum of squares, with its minimum moved to 1."""
    return float(np.sum((x - 1.0) ** 2))


def rosenbrock(x: Point) -> float:
    """Return Rosenbrock's curved valley."""
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))


def rastrigin(x: Point) -> float:
    """Return Rastrigin's function: a bowl full of local minima."""
    return float(np.sum(x**2 - 10.0 * np.cos(2.0 * np.pi * x) + 10.0))


FUNCTIONS: dict[str, Function] = {f.__name__: f for f in (sphere, rosenbrock, rastrigin)}


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation: the value found, and whether the optimiser kept the point."""

    value: float
    is_kept: bool


def one_plus_one(
    function: Function, dimensions: int, rng: np.random.Generator, step: float
) -> Iterator[Trial]:
    """Yield the trials of a (1+1) evolution strategy with the one-fifth rule, without end."""
    best = rng.uniform(-_BOUND, _BOUND, dimensions)
    best_value = function(best)
    yield Trial(best_value, is_kept=True)
    while True:
        point = best + step * rng.standard_normal(dimensions)
        value = function(point)
        is_kept = value <= best_value
        if is_kept:
            best, best_value = point, value
        step *= np.exp(0.8 if is_kept else -0.2) ** (1.0 / np.sqrt(dimensions + 1.0))
        yield Trial(value, is_kept)


def differential_evolution(
    function: Function, dimensions: int, rng: np.random.Generator, step: float
) -> Iterator[Trial]:
    """Yield the trials of DE/rand/1/bin with 20 points and crossover 0.9, without end."""
    points = rng.uniform(-_BOUND, _BOUND, (20, dimensions))
    values = []
    for point in points:
        values.append(function(point))
        yield Trial(values[-1], is_kept=True)
    while True:
        for i in range(len(points)):
            a, b, c = points[rng.choice(len(points), 3, replace=False)]
            crossed = rng.random(dimensions) < 0.9  # noqa: PLR2004  the usual rate
            crossed[rng.integers(dimensions)] = True
            point = np.where(crossed, a + step * (b - c), points[i])
            value = function(point)
            is_kept = value <= values[i]
            if is_kept:
                points[i], values[i] = point, value
            yield Trial(value, is_kept)


OPTIMISERS = {"one_plus_one": one_plus_one, "differential_evolution": differential_evolution}


def run(params: dict[str, Any], seed: int, budget: int) -> list[dict[str, Any]]:
    """Return the events of one run: one a trial, with the best value so far as `regret`."""
    function = FUNCTIONS[params["function"]]
    optimiser = OPTIMISERS[params["algo"]]
    rng = np.random.default_rng(seed)
    trials = optimiser(function, params["dimensions"], rng, params["step"])
    best = np.inf
    events = []
    for number, trial in zip(range(budget), trials, strict=False):
        best = min(best, trial.value)
        op = "insert" if trial.is_kept else "delete"
        events.append(
            {"seed": seed, "event_id": number, "op": op, "value": trial.value, "regret": best}
        )
    return events
