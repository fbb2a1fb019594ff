"""Which column of the data each Monte-Carlo scenario uses."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from parquetry.errors import NotFoundError, ParameterError, StorageError, did_you_mean
from parquetry.series.indexing import as_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.series.indexing import Indices

FILE_NAME = "modeler-scenariobuilder.dat"


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioBuilder:
    """For each group of parameters, the data column of every Monte-Carlo scenario.

    Args:
        groups: Per group an array: position = Monte-Carlo id, value = 0-based column.
    """

    groups: Mapping[str, Indices] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked = {name: as_columns(columns) for name, columns in self.groups.items()}
        object.__setattr__(self, "groups", checked)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ScenarioBuilder:
        """Return the builder of a `modeler-scenariobuilder.dat`, or of the folder that holds one.

        Its lines read `group, mc = n`: `mc` counts from 0, `n` from 1. Blank lines and `#` are skipped.

        Raises:
            NotFoundError: There is no such file.
            StorageError: It cannot be read.
            ParameterError: A `ValueError`: a line cannot be understood, or a scenario has none.
        """
        name = os.fspath(path)
        name = os.path.join(name, FILE_NAME) if os.path.isdir(name) else name
        return cls(_parse(_read_lines(name), name))

    def columns(self, scenario_group: str | None, mc_scenarios: Any) -> Indices:
        """Return the 0-based data columns of Monte-Carlo ids, in their order, with their repeats.

        Without a group each scenario has the column of its own number.

        Raises:
            ParameterError: A `ValueError`: the group or an id is unknown; the known ones are named.
        """
        ids = as_columns(mc_scenarios)
        if scenario_group is None or not self.groups:
            return ids
        known = self.groups.get(scenario_group)
        if known is None:
            raise ParameterError(
                f"The scenario builder has no group {scenario_group!r}."
                f"{did_you_mean(scenario_group, self.groups)} Its groups are: "
                f"{', '.join(sorted(self.groups))}. Nothing was read."
            )
        if ids.size and (int(ids.min()) < 0 or int(ids.max()) >= len(known)):
            wrong = sorted({int(i) for i in ids if not 0 <= i < len(known)})
            raise ParameterError(
                f"The group {scenario_group!r} has no scenario {', '.join(map(str, wrong[:5]))}; it has "
                f"0 to {len(known) - 1}. Nothing was read. Add the lines to the scenario builder."
            )
        return known[ids]


def _read_lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read().splitlines()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no scenario builder at {path}. Nothing was read. Write one, a line `group, mc "
            "= n` for each group and scenario, or do without: then each scenario has its own column.",
            path=path,
        ) from error
    except UnicodeDecodeError as error:
        raise ParameterError(
            f"{path} is no text: {error.reason} at byte {error.start}. Expected lines `group, mc = n`. "
            "Nothing was kept; write it as UTF-8.",
            path=path,
        ) from error
    except OSError as error:
        raise StorageError(
            f"Could not read the scenario builder {path}: {error.strerror}. It was left as it is.",
            path=path,
            errno=error.errno,
        ) from error


def _parse(lines: Sequence[str], path: str) -> dict[str, Indices]:
    found: dict[str, dict[int, int]] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        group, scenario, column = _parse_line(text, f"{path}, line {number}")
        known = found.setdefault(group, {})
        if known.setdefault(scenario, column) != column:
            raise ParameterError(
                f"{path}, line {number}: scenario {scenario} of {group!r} has the column "
                f"{known[scenario] + 1} already, and now {column + 1}. Keep one of the two lines."
            )
    return {group: _as_array(group, known, path) for group, known in found.items()}


def _parse_line(text: str, where: str) -> tuple[str, int, int]:
    left, _, right = text.partition("=")
    group, comma, scenario = (part.strip() for part in left.rpartition(","))
    group, comma = (group, comma) if comma else ("", "")
    number = right.strip()
    if not (group and scenario.isdecimal() and number.isdecimal()):
        raise ParameterError(
            f"{where}: expected `group, mc = n`, found {text!r:.80}. Mend the line; nothing was kept."
        )
    if int(number) == 0:
        raise ParameterError(
            f"{where}: column numbers count from 1, so {text!r:.80} names no column. Mend the line; "
            "nothing was kept."
        )
    return group, int(scenario), int(number) - 1


def _as_array(group: str, columns: dict[int, int], path: str) -> Indices:
    last = max(columns)
    missing = sorted(set(range(last + 1)) - set(columns))
    if missing:
        raise ParameterError(
            f"{path}: the group {group!r} has no line for the scenarios "
            f"{', '.join(map(str, missing[:10]))}; every one from 0 to {last} needs one. Add the lines; "
            "nothing was kept."
        )
    return np.array([columns[scenario] for scenario in range(last + 1)], np.intp)
