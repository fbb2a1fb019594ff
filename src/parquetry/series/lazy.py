"""Series that stay on disk until they are asked, and then give up only what was asked.

They hold nothing but a path, so a worker far away gets them for a few bytes and opens the file itself.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.series.findings import Finding, shape_problems, wrong_count
from parquetry.series.indexing import (
    as_columns,
    as_steps,
    check_columns,
    distinct,
    needs_scenario,
    needs_time,
)
from parquetry.series.mapped import MappedTimeScenarioSeriesData, MappedTimeSeriesData
from parquetry.series.mapping import write_mapped
from parquetry.series.materialized import (
    MaterializedTimeScenarioSeriesData,
    MaterializedTimeSeriesData,
)
from parquetry.series.missing import value_problems
from parquetry.series.prefetching import prefetch
from parquetry.series.source import SeriesSource, open_source
from parquetry.series.structures import (
    AbstractDataStructure,
    ScenarioSeriesData,
    TimeSeriesData,
    over_scenarios,
    over_time,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from parquetry.series.indexing import Floats, Indices, Steps

_FIRST_COLUMN = np.zeros(1, np.intp)
_FIRST_STEP = range(1)


class LazyData(AbstractDataStructure):
    """The common ground of the lazy series: a path, and what this process has opened of it.

    Args:
        path: The Parquet file, or the folder of files by scenario range.
    """

    __slots__ = ("_opened", "path")
    what: ClassVar[str] = "series"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self._opened: SeriesSource | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave behind what is open; it is opened again where it is needed."""
        return type(self), (self.path,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.path == getattr(other, "path", None)

    def __hash__(self) -> int:
        return hash((type(self), self.path))

    @property
    def source(self) -> SeriesSource:
        """The opened series; this process opens it at the first use."""
        if self._opened is None:
            self._opened = open_source(self.path)
        return self._opened

    def columns_for(self, columns: Indices | None) -> Indices:
        """Return which columns of the file hold what was asked for."""
        return _FIRST_COLUMN if columns is None else columns

    def steps_for(self, steps: range) -> range:
        """Return which rows of the file hold what was asked for."""
        return steps

    def prefetch(self, steps: range, columns: Indices | None) -> None:
        """Begin to decode what will be asked for next, on a thread of its own."""
        rows = range(max(steps.start, 0), min(steps.stop, self.source.rows))
        if rows:
            prefetch(self.source, self.steps_for(rows), self.columns_for(columns))

    def find_problems(
        self, last_step: int, columns: Indices | None, *, refuse_nan: bool
    ) -> list[Finding]:
        """Return why these steps and columns could not be had.

        **Cost:** one footer; the values too, where the footer does not tell of nulls or NaN.
        """
        try:
            source = self.source
        except ParquetryError as error:
            return [Finding(self.path, str(error), "")]
        wanted, last = self.columns_for(columns), self.steps_for(range(last_step + 1))[-1]
        found = self.shape_problems(source)
        found += shape_problems(self.path, source.rows, source.columns, last, wanted)
        if not found:
            found += value_problems(source, range(last + 1), wanted, refuse_nan=refuse_nan)
        return found

    def shape_problems(self, source: SeriesSource) -> list[Finding]:
        """Return why a file is not of this kind."""
        del source
        return []


class LazyTimeSeriesData(LazyData):
    """One number a step, in column "0" of a Parquet file.

    **Cost:** the row groups that cover the steps, one column.
    """

    __slots__ = ()
    what = "time series"

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps,), or a broadcast (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The time series {self.path}")
        values = self.source.read(as_steps(timestep), _FIRST_COLUMN)[:, 0]
        return values if scenario is None else over_scenarios(values, scenario)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows time."""
        del scenario
        return time

    def columns_for(self, columns: Indices | None) -> Indices:
        """Return the one column, whatever the scenarios."""
        del columns
        return _FIRST_COLUMN

    def materialize(
        self,
        columns: Iterable[int] | Indices | None = None,
        steps: Sequence[int] | Steps | None = None,
    ) -> AbstractDataStructure:
        """Return the series in memory, cut to the steps if any are given."""
        del columns
        if steps is None:
            return TimeSeriesData(self.source.load(range(self.source.rows), _FIRST_COLUMN)[:, 0])
        wanted = as_steps(steps)
        values = self.source.load(wanted, _FIRST_COLUMN)[:, 0]
        return MaterializedTimeSeriesData(values, wanted)

    def mapped(self, folder: str | None) -> AbstractDataStructure:
        """Return the series over a memory-mapped file."""
        return MappedTimeSeriesData(write_mapped(self.source, folder))

    def shape_problems(self, source: SeriesSource) -> list[Finding]:
        """Return why a file is no time series: it must have exactly one column."""
        return wrong_count(self.path, self.what, "column", source.columns)


class LazyScenarioSeriesData(LazyData):
    """One number a scenario, in the first row of a Parquet file.

    **Cost:** the first row group, the columns asked.
    """

    __slots__ = ()
    what = "scenario series"

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (scenarios,), or a broadcast (steps, scenarios)."""
        if scenario is None:
            raise needs_scenario(f"The scenario series {self.path}")
        values = self.source.read(_FIRST_STEP, as_columns(scenario))[0]
        return values if timestep is None else over_time(values, timestep)

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows scenarios."""
        del time
        return scenario

    def steps_for(self, steps: range) -> range:
        """Return the one row, whatever the steps."""
        del steps
        return _FIRST_STEP

    def materialize(
        self,
        columns: Iterable[int] | Indices | None = None,
        steps: Sequence[int] | Steps | None = None,
    ) -> AbstractDataStructure:
        """Return the whole series in memory: it is one row."""
        del steps, columns
        everything = np.arange(self.source.columns)
        return ScenarioSeriesData(self.source.load(_FIRST_STEP, everything)[0])

    def mapped(self, folder: str | None) -> AbstractDataStructure:
        """Return the whole series in memory: one row is not worth a file."""
        del folder
        return self.materialize()

    def shape_problems(self, source: SeriesSource) -> list[Finding]:
        """Return why a file is no scenario series: it must have exactly one row."""
        return wrong_count(self.path, self.what, "row", source.rows)


class LazyTimeScenarioSeriesData(LazyData):
    """One number a step and scenario: the rows of a Parquet file are steps, its columns scenarios.

    **Cost:** the row groups that cover the steps, the columns asked.
    """

    __slots__ = ()
    what = "series over time and scenarios"

    def get_value(self, timestep: Sequence[int] | None, scenario: Indices | None) -> Floats:
        """Return (steps, scenarios)."""
        if timestep is None:
            raise needs_time(f"The series {self.path}")
        if scenario is None:
            raise needs_scenario(f"The series {self.path}")
        return (self._opened or self.source).read(as_steps(timestep), as_columns(scenario))

    def check_requirement(self, time: bool, scenario: bool) -> bool:
        """Return whether the model knows both time and scenarios."""
        return time and scenario

    def materialize(
        self,
        columns: Iterable[int] | Indices | None = None,
        steps: Sequence[int] | Steps | None = None,
    ) -> AbstractDataStructure:
        """Return the given columns in memory, cut to the steps if any are given."""
        source = self.source
        every = range(source.columns) if columns is None else columns
        wanted = as_columns(list(every) if isinstance(every, AbstractSet) else every)
        check_columns(wanted, source.columns, self.path)
        unique = distinct(wanted)
        rows = range(source.rows) if steps is None else as_steps(steps)
        return MaterializedTimeScenarioSeriesData(source.load(rows, unique), unique, rows)

    def mapped(self, folder: str | None) -> AbstractDataStructure:
        """Return the series over a memory-mapped file."""
        return MappedTimeScenarioSeriesData(write_mapped(self.source, folder))
