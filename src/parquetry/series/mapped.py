"""Series over memory-mapped files: every worker of a machine shares one copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.series.arrow_matrix import open_mapped
from parquetry.series.findings import Finding, nan_problem, shape_problems
from parquetry.series.indexing import as_columns, as_steps, distinct, needs_scenario, needs_time
from parquetry.series.structures import AbstractDataStructure, over_scenarios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.series.indexing import Floats, Indices

_ONE = np.zeros(1, np.intp)


@dataclass(frozen=True, slots=True)
class MappedTimeScenarioSeriesData(AbstractDataStructure):
    """One number a step and scenario, in a memory-mapped file.

    Args:
        path: The Arrow file; see `write_mapped`.
    """

    path: str

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The series {self.path}")
        if scenario is None:
            raise needs_scenario(f"The series {self.path}")
        return open_mapped(self.path).read(as_steps(timestep), as_columns(scenario))

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows both time and scenarios."""
        return time and scenario

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why the steps and columns could not be had."""
        matrix = open_mapped(self.path)
        found = shape_problems(self.path, matrix.rows, matrix.columns, last_step, columns)
        if found or not refuse_nan:
            return found
        wanted = np.arange(matrix.columns) if columns is None else distinct(columns)
        count = int(np.isnan(matrix.read(range(last_step + 1), wanted)).sum())
        return [nan_problem(self.path, count)] if count else []


@dataclass(frozen=True, slots=True)
class MappedTimeSeriesData(AbstractDataStructure):
    """One number a step, in a memory-mapped file.

    Args:
        path: The Arrow file; see `write_mapped`.
    """

    path: str

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps,), or a broadcast (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The time series {self.path}")
        values = open_mapped(self.path).read(as_steps(timestep), _ONE)[:, 0]
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
        both = MappedTimeScenarioSeriesData(self.path)
        return both.find_problems(last_step, _ONE, refuse_nan=refuse_nan)
