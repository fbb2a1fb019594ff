"""What a parameter of a study can be: constant, over time, over scenarios, or over both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from parquetry.errors import SchemaMismatchError
from parquetry.series.findings import array_problems
from parquetry.series.indexing import (
    as_columns,
    as_steps,
    check_columns,
    check_steps,
    needs_scenario,
    needs_time,
    take_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.series.findings import Finding
    from parquetry.series.indexing import Floats, Indices, Steps


class AbstractDataStructure(ABC):
    """A value that a solver can ask for, whatever it depends on."""

    @abstractmethod
    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> float | Floats:
        """Return the values at absolute, 0-based steps and 0-based scenario columns.

        Order and repeats are kept. With both given the result is (steps, scenarios), with one of them
        (steps,) or (scenarios,), and a constant is one number.

        Raises:
            SeriesIndexError: A `KeyError`: an index is missing that this data needs, or is outside.
        """

    @abstractmethod
    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether a model that knows time or scenarios, or not, can use this data."""

    def materialize(
        self,
        columns: Iterable[int] | Indices | None = None,
        steps: Sequence[int] | Steps | None = None,
    ) -> AbstractDataStructure:
        """Return the same data in memory, cut to the columns and steps given; eager data is itself."""
        del columns, steps
        return self

    def mapped(self, folder: str | None) -> AbstractDataStructure:
        """Return the same data over a memory-mapped file; eager data is itself."""
        del folder
        return self

    def prefetch(self, steps: range, columns: Indices | None) -> None:
        """Begin to read what will be asked for next; eager data has nothing to read."""
        del steps, columns

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why these steps and columns could not be had; nothing if they can."""
        del last_step, columns, refuse_nan
        return []


@dataclass(frozen=True, slots=True)
class ConstantData(AbstractDataStructure):
    """One number, always."""

    value: float

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> float:
        """Return the number."""
        del timestep, scenario
        return float(self.value)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return true: a constant suits every model."""
        del time, scenario
        return True


@dataclass(frozen=True, slots=True, eq=False)
class TimeSeriesData(AbstractDataStructure):
    """One number a step, the same in every scenario.

    Args:
        time_series: The numbers, one-dimensional; position 0 is step `first_step`.
        first_step: The absolute step of the first number.
    """

    time_series: Floats = field(repr=False)
    first_step: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_series", as_floats(self.time_series, 1, "time series"))

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps,), or a broadcast (steps, scenarios)."""
        if timestep is None:
            raise needs_time("A time series")
        steps = as_steps(timestep)
        stop = self.first_step + len(self.time_series)
        check_steps(steps, self.first_step, stop, "a time series")
        values = take_steps(self.time_series, steps, self.first_step)
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
        stop = self.first_step + len(self.time_series)
        return array_problems(self.time_series, stop, None, last_step, None, refuse_nan=refuse_nan)


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioSeriesData(AbstractDataStructure):
    """One number a scenario, the same at every step."""

    scenario_series: Floats = field(repr=False)

    def __post_init__(self) -> None:
        series = as_floats(self.scenario_series, 1, "scenario series")
        object.__setattr__(self, "scenario_series", series)

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (scenarios,), or a broadcast (steps, scenarios)."""
        if scenario is None:
            raise needs_scenario("A scenario series")
        columns = as_columns(scenario)
        check_columns(columns, len(self.scenario_series), "a scenario series")
        values = self.scenario_series[columns]
        return values if timestep is None else over_time(values, timestep)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows scenarios."""
        del time
        return scenario

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the columns could not be had."""
        del last_step
        count = len(self.scenario_series)
        return array_problems(self.scenario_series, None, count, 0, columns, refuse_nan=refuse_nan)


@dataclass(frozen=True, slots=True, eq=False)
class TimeScenarioSeriesData(AbstractDataStructure):
    """One number a step and scenario: rows are steps, columns are scenarios."""

    time_scenario_series: Floats = field(repr=False)

    def __post_init__(self) -> None:
        series = as_floats(self.time_scenario_series, 2, "series over time and scenarios")
        object.__setattr__(self, "time_scenario_series", series)

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps, scenarios)."""
        if timestep is None:
            raise needs_time("A series over time and scenarios")
        if scenario is None:
            raise needs_scenario("A series over time and scenarios")
        rows, count = self.time_scenario_series.shape
        steps, columns = as_steps(timestep), as_columns(scenario)
        check_steps(steps, 0, rows, "a series over time and scenarios")
        check_columns(columns, count, "a series over time and scenarios")
        if isinstance(steps, range):
            return self.time_scenario_series[steps.start : steps.stop][:, columns]
        return self.time_scenario_series[np.ix_(steps, columns)]

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows both time and scenarios."""
        return time and scenario

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps and columns could not be had."""
        series = self.time_scenario_series
        rows, count = series.shape
        return array_problems(series, rows, count, last_step, columns, refuse_nan=refuse_nan)


def over_scenarios(values: Floats, scenario: Any) -> Floats:
    """Return (steps,) as a read-only view (steps, scenarios)."""
    return np.broadcast_to(values[:, None], (len(values), len(scenario)))


def over_time(values: Floats, timestep: Any) -> Floats:
    """Return (scenarios,) as a read-only view (steps, scenarios)."""
    return np.broadcast_to(values, (len(timestep), len(values)))


def as_floats(given: Any, dimensions: int, what: str) -> Floats:
    """Return numbers as a read-only float64 array.

    Raises:
        SchemaMismatchError: They are no numbers, or have another number of dimensions.
    """
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SchemaMismatchError(
            f"A {what} must be numbers: {error}. Nothing was kept. Mend the data and try again."
        ) from error
    if values.ndim != dimensions:
        raise SchemaMismatchError(
            f"A {what} has {dimensions} dimension(s), but the data has the shape {values.shape}. "
            "Nothing was kept. Choose the kind of data that fits the shape."
        )
    values = values.view()
    values.flags.writeable = False
    return values
