"""The data of a study: what each parameter of each component is, and which scenarios it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from parquetry.errors import ParameterError, SeriesIndexError, did_you_mean
from parquetry.series.findings import Finding
from parquetry.series.indexing import as_columns, as_steps
from parquetry.series.scenarios import ScenarioBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.series.indexing import Floats, Indices
    from parquetry.series.structures import AbstractDataStructure


@dataclass(frozen=True, slots=True, order=True)
class ComponentParameterIndex:
    """A parameter of a component."""

    component_id: str
    parameter_name: str

    def __str__(self) -> str:
        return f"{self.component_id}.{self.parameter_name}"


class DataBase:
    """All data of a study, found by component and parameter.

    Args:
        scenario_builder: Which data column each Monte-Carlo scenario uses; without one, its own number.
    """

    def __init__(self, scenario_builder: ScenarioBuilder | None = None) -> None:
        self.scenario_builder = scenario_builder or ScenarioBuilder()
        self._data: dict[ComponentParameterIndex, AbstractDataStructure] = {}
        self._groups: dict[ComponentParameterIndex, str] = {}
        self._component_groups: dict[str, str] = {}

    def add_data(
        self,
        component_id: str,
        parameter_name: str,
        data: AbstractDataStructure,
        scenario_group: str | None = None,
    ) -> None:
        """Set what a parameter is; a scenario group given here goes before its component's."""
        index = ComponentParameterIndex(component_id, parameter_name)
        self._data[index] = data
        self._groups.pop(index, None)
        if scenario_group is not None:
            self._groups[index] = scenario_group

    def set_scenario_group(self, component_id: str, scenario_group: str) -> None:
        """Set the scenario group of all parameters of a component that have none of their own."""
        self._component_groups[component_id] = scenario_group

    def get_data(self, component_id: str, parameter_name: str) -> AbstractDataStructure:
        """Return what a parameter is.

        Raises:
            SeriesIndexError: A `KeyError`: the parameter is unknown.
        """
        return self._find(ComponentParameterIndex(component_id, parameter_name))

    def get_values(
        self,
        component_id: str,
        parameter_name: str,
        timesteps: Sequence[int] | None,
        mc_scenarios: Any,
    ) -> float | Floats:
        """Return a parameter at absolute steps and Monte-Carlo scenarios, in the order given.

        Raises:
            SeriesIndexError: A `KeyError`: parameter, step or column is unknown, or is missing.
            ParameterError: A `ValueError`: the scenario group or a scenario of it is unknown.
        """
        index = ComponentParameterIndex(component_id, parameter_name)
        return self._find(index).get_value(timesteps, self.columns(index, mc_scenarios))

    def get_value(
        self, index: ComponentParameterIndex, timestep: int | None, scenario: int | None
    ) -> float:
        """Return one number: a parameter at one step in one Monte-Carlo scenario."""
        steps = None if timestep is None else range(timestep, timestep + 1)
        scenarios = None if scenario is None else np.array([scenario], np.intp)
        value = self._find(index).get_value(steps, self.columns(index, scenarios))
        return float(np.asarray(value).reshape(-1)[0])

    def columns(self, index: ComponentParameterIndex, mc_scenarios: Any) -> Indices | None:
        """Return the data columns that Monte-Carlo scenarios stand for in a parameter."""
        if mc_scenarios is None:
            return None
        group = self._groups.get(index, self._component_groups.get(index.component_id))
        return self.scenario_builder.columns(group, mc_scenarios)

    def materialize(self, mc_scenario_ids: Any, timesteps: Sequence[int] | None = None) -> DataBase:
        """Return a new database in memory, for these scenarios and, if given, only these steps.

        Data that is in memory is carried over as it is. This database stays as it was.

        **Cost:** reads only the columns that the scenarios stand for, and only the row groups that cover
        the steps.
        """
        steps = None if timesteps is None else as_steps(timesteps)
        ids = as_columns(mc_scenario_ids)
        return self._with(
            {
                index: data.materialize(self.columns(index, ids), steps)
                for index, data in self._data.items()
            }
        )

    def mapped(self, folder: str | None = None) -> DataBase:
        """Return a new database over memory-mapped files, which are written if they are not there."""
        return self._with({index: data.mapped(folder) for index, data in self._data.items()})

    def find_problems(
        self, last_step: int, mc_scenario_ids: Any, *, refuse_nan: bool = False
    ) -> list[Finding]:
        """Return why a run to this step over these scenarios could not be fed; nothing if it can."""
        found = []
        for index, data in self._data.items():
            try:
                columns = self.columns(index, mc_scenario_ids)
            except ParameterError as error:
                found.append(Finding(str(index), str(error), ""))
                continue
            problems = data.find_problems(last_step, columns, refuse_nan=refuse_nan)
            found += [problem.at(str(index)) for problem in problems]
        return found

    def __iter__(self) -> Iterator[ComponentParameterIndex]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, index: object) -> bool:
        return index in self._data

    def _find(self, index: ComponentParameterIndex) -> AbstractDataStructure:
        try:
            return self._data[index]
        except KeyError:
            hint = did_you_mean(str(index), [str(known) for known in self._data])
            raise SeriesIndexError(
                f"There is no data for {index}.{hint} The database has {len(self._data)} parameter(s). "
                "Add it with add_data."
            ) from None

    def _with(self, data: dict[ComponentParameterIndex, AbstractDataStructure]) -> DataBase:
        made = DataBase(self.scenario_builder)
        made._data = data
        made._groups = dict(self._groups)
        made._component_groups = dict(self._component_groups)
        return made
