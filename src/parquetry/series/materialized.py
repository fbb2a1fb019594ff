"""Data that a worker has loaded for its own scenarios and steps, still asked by absolute index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import SchemaMismatchError, SeriesIndexError
from parquetry.series.findings import Finding, nan_problem
from parquetry.series.indexing import (
    as_columns,
    as_steps,
    needs_scenario,
    needs_time,
)
from parquetry.series.structures import AbstractDataStructure, over_scenarios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.series.indexing import Floats, Indices, Steps


@dataclass(frozen=True, slots=True, eq=False)
class MaterializedTimeScenarioSeriesData(AbstractDataStructure):
    """Some scenarios, and perhaps only some steps, of a series over time and scenarios.

    Args:
        data: The values, (steps, columns).
        columns: Which scenario column each column of `data` is.
        steps: Which absolute step each row of `data` is; None for all steps from 0.
    """

    data: Floats = field(repr=False)
    columns: Indices
    steps: Steps | None = None
    _column_places: Indices = field(init=False, repr=False)
    _step_places: Indices | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = as_columns(self.columns)
        steps = range(self.data.shape[0]) if self.steps is None else as_steps(self.steps)
        if self.data.shape != (len(steps), len(columns)):
            raise SchemaMismatchError(
                f"The data has the shape {self.data.shape}, but {len(steps)} steps and {len(columns)} "
                "columns were named for it. Name every row and column once."
            )
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "_column_places", _places(columns))
        places = None if isinstance(steps, range) else _places(steps)
        object.__setattr__(self, "_step_places", places)

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps, scenarios); a column or step that was not loaded is a `KeyError`."""
        if timestep is None:
            raise needs_time("A series over time and scenarios")
        if scenario is None:
            raise needs_scenario("A series over time and scenarios")
        columns = _find(self._column_places, as_columns(scenario), "scenario column")
        rows = self._rows(as_steps(timestep))
        if isinstance(rows, slice):
            return self.data[rows][:, columns]
        return self.data[np.ix_(rows, columns)]

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows both time and scenarios."""
        return time and scenario

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps and columns could not be had."""
        found = []
        for asked, places, what in (
            (columns, self._column_places, "scenario columns"),
            (np.array([last_step]), self._all_step_places(), "step"),
        ):
            missing = asked[_lookup(places, asked) < 0] if asked is not None else ()
            if len(missing):
                problem = f"the {what} {', '.join(map(str, missing[:5]))} were not loaded."
                found.append(Finding("", problem, "Materialize them as well."))
        if refuse_nan and (count := int(np.isnan(self.data).sum())):
            found.append(nan_problem("", count))
        return found

    def _all_step_places(self) -> Indices:
        return _places(np.asarray(self.steps, np.intp))

    def _rows(self, steps: Steps) -> slice | Indices:
        if self._step_places is None and isinstance(steps, range) and isinstance(self.steps, range):
            first = self.steps.start
            if not steps or (first <= steps.start and steps.stop <= self.steps.stop):
                return slice(steps.start - first, steps.stop - first) if steps else slice(0, 0)
        return _find(self._all_step_places(), np.asarray(steps, np.intp), "time step")


@dataclass(frozen=True, slots=True, eq=False)
class MaterializedTimeSeriesData(AbstractDataStructure):
    """Some steps of a time series.

    Args:
        data: The values, one a step.
        steps: Which absolute step each value is.
    """

    data: Floats = field(repr=False)
    steps: Steps
    _inner: MaterializedTimeScenarioSeriesData = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner = MaterializedTimeScenarioSeriesData(self.data[:, None], np.array([0]), self.steps)
        object.__setattr__(self, "_inner", inner)

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps,), or a broadcast (steps, scenarios); a step not loaded is a `KeyError`."""
        if timestep is None:
            raise needs_time("A time series")
        values = self._inner.get_value(timestep, np.zeros(1, np.intp))[:, 0]
        return values if scenario is None else over_scenarios(values, scenario)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows time."""
        del scenario
        return time

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps could not be had."""
        del columns
        return self._inner.find_problems(last_step, None, refuse_nan=refuse_nan)


def _places(loaded: Indices) -> Indices:
    """Return an array that tells for each absolute index where it is, or -1."""
    places = np.full(int(loaded.max()) + 1 if loaded.size else 0, -1, np.intp)
    places[loaded] = np.arange(len(loaded))
    return places


def _lookup(places: Indices, asked: Indices) -> Indices:
    inside = (asked >= 0) & (asked < len(places))
    return np.where(inside, places[np.where(inside, asked, 0)] if len(places) else -1, -1)


def _find(places: Indices, asked: Indices, what: str) -> Indices:
    found = _lookup(places, asked)
    if found.size and found.min() < 0:
        raise SeriesIndexError(
            f"The {what} {int(asked[found < 0][0])} was asked of a series that was loaded without it. "
            f"Nothing was read. Materialize it with every {what} that will be asked for."
        )
    return found
