"""What a session solves: data, a span of time, and scenarios."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - dataclasses show their types to readers
from dataclasses import dataclass

from parquetry.errors import ParameterError
from parquetry.series.database import DataBase  # noqa: TC001 - the same


@dataclass(frozen=True, slots=True)
class TimeScope:
    """A span of time steps.

    Args:
        first: The first step.
        last: The last step, inclusive.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ParameterError(
                f"A time scope goes from step 0 or later to that step or a later one, not from "
                f"{self.first} to {self.last}. The last step is part of it."
            )

    @property
    def steps(self) -> range:
        """Every step."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class Study:
    """Data, a span of time, and the Monte-Carlo scenarios to solve.

    Args:
        database: The data.
        time_scope: The first and the last step.
        scenario_ids: The scenarios, each once.
    """

    database: DataBase
    time_scope: TimeScope
    scenario_ids: Sequence[int] = (0,)

    def __post_init__(self) -> None:
        ids = tuple(int(scenario) for scenario in self.scenario_ids)
        if not ids or len(set(ids)) < len(ids) or min(ids) < 0:
            raise ParameterError(
                f"A study needs scenarios, numbered from 0 and each named once, not {ids[:10]}."
            )
        object.__setattr__(self, "scenario_ids", ids)
