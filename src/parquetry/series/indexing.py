"""Time steps and scenario columns as callers give them, made ready for arrays.

Steps are absolute and 0-based, in any order, with repeats; columns are 0-based. Nothing wraps around:
-1 is an error here, not the last step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from parquetry.errors import RequestError, SeriesIndexError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Indices: TypeAlias = NDArray[np.intp]
    Steps: TypeAlias = range | NDArray[np.intp]


def as_steps(timesteps: Sequence[int] | NDArray[Any]) -> Steps:
    """Return consecutive steps as a range, which is a slice of memory, and others as an array.

    Raises:
        RequestError: They are no list of whole numbers.
    """
    if type(timesteps) is range and timesteps.step == 1:
        return timesteps or range(0)
    steps = _as_integers(timesteps, "time steps")
    count = len(steps)
    if count == 0:
        return range(0)
    first, last = steps.item(0), steps.item(-1)
    if last - first != count - 1:
        return steps
    wanted = np.arange(first, last + 1)
    # comparing bytes is four times as fast as comparing a few hundred numbers
    return range(first, last + 1) if steps.tobytes() == wanted.tobytes() else steps


def as_columns(scenario: Any) -> Indices:
    """Return scenario columns as an array of indices.

    Raises:
        RequestError: They are no list of whole numbers.
    """
    return _as_integers(scenario, "scenario columns")


def _as_integers(given: Any, what: str) -> Indices:
    if type(given) is np.ndarray and given.dtype == np.intp and given.ndim == 1:
        return given
    try:
        found = np.asarray(given)
    except ValueError:  # lists of unequal length
        found = np.empty(())
    if found.ndim == 1 and found.size == 0:
        return np.empty(0, np.intp)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise RequestError(
            f"{what.capitalize()} must be a list of whole numbers, not {given!r:.60}. Nothing was read."
        )
    return found.astype(np.intp, copy=False)


def check_steps(steps: Steps, first: int, stop: int, where: str) -> None:
    """Refuse steps outside `first` to `stop` (exclusive).

    Raises:
        SeriesIndexError: One of them is outside.
    """
    if len(steps) == 0:
        return
    if type(steps) is range:
        low, high = steps.start, steps.stop - 1
    else:
        low, high = int(steps.min()), int(steps.max())
    if low < first or high >= stop:
        wrong = low if low < first else high
        raise SeriesIndexError(
            f"Time step {wrong} was asked of {where}, which has the steps {first} to {stop - 1}. "
            "Nothing was read. Shorten the time scope, or lengthen the series."
        )


def check_columns(columns: Indices, count: int, where: str) -> None:
    """Refuse columns outside 0 to `count` (exclusive).

    Raises:
        SeriesIndexError: One of them is outside.
    """
    if not columns.size:
        return
    low = high = columns.item(0)
    if columns.size > 1:
        low, high = int(columns.min()), int(columns.max())
    if low < 0 or high >= count:
        wrong = low if low < 0 else high
        raise SeriesIndexError(
            f"Scenario column {wrong} was asked of {where}, which has the columns 0 to {count - 1}. "
            "Nothing was read. Check the scenario builder, or widen the series."
        )


def distinct(indices: Indices) -> Indices:
    """Return every index once, ascending; `np.unique` would import a package at its first call."""
    return np.flatnonzero(np.bincount(indices))


def take_steps(values: Floats, steps: Steps, first: int = 0) -> Floats:
    """Return the given absolute steps of an array whose row 0 is step `first`, as a copy."""
    if isinstance(steps, range):
        return values[steps.start - first : steps.stop - first].copy()
    return values[steps - first]


def needs_time(where: str) -> SeriesIndexError:
    """Return the error for a series over time that was asked without time steps."""
    return SeriesIndexError(
        f"{where} varies over time, but no time steps were given. Pass the steps as `timestep`."
    )


def needs_scenario(where: str) -> SeriesIndexError:
    """Return the error for a series over scenarios that was asked without scenarios."""
    return SeriesIndexError(
        f"{where} varies over scenarios, but none were given. Pass the columns as `scenario`."
    )
