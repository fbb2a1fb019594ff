"""Which column of the data each Monte-Carlo scenario uses."""

from __future__ import annotations

import numpy as np
import pytest

from parquetry.errors import NotFoundError, ParameterError, StorageError
from parquetry.series.scenarios import FILE_NAME, ScenarioBuilder

GOOD = """
# demand of the whole country
load, 0 = 1
load, 1 = 2   # the second column

load, 2 = 1
wind power, 0 = 3
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="modeler-scenariobuilder.dat"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_columns_count_from_one_in_the_file_and_from_zero_in_memory(written):
    builder = ScenarioBuilder.load(written(GOOD))
    assert builder.columns("load", [0, 1, 2]).tolist() == [0, 1, 0]
    assert builder.columns("wind power", [0]).tolist() == [2]


def test_the_folder_of_the_file_will_do(written):
    assert ScenarioBuilder.load(written(GOOD).parent).columns("load", [1]).tolist() == [1]


def test_order_and_repeats_are_kept(written):
    builder = ScenarioBuilder.load(written(GOOD))
    assert builder.columns("load", np.array([2, 1, 1, 0])).tolist() == [0, 1, 1, 0]


def test_without_a_group_or_a_builder_a_scenario_has_its_own_column(written):
    assert ScenarioBuilder.load(written(GOOD)).columns(None, [5, 3]).tolist() == [5, 3]
    assert ScenarioBuilder().columns("anything", [4, 4]).tolist() == [4, 4]


def test_an_unknown_group_names_the_known_ones(written):
    with pytest.raises(ValueError, match=r"'lod'.*Did you mean 'load'.*load, wind power"):
        ScenarioBuilder.load(written(GOOD)).columns("lod", [0])


@pytest.mark.parametrize("ids", [[3], [-1], [0, 7]])
def test_an_unknown_scenario_names_the_known_range(written, ids):
    with pytest.raises(ValueError, match="it has 0 to 2"):
        ScenarioBuilder.load(written(GOOD)).columns("load", ids)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("load, 0 = 0", "count from 1"),
        ("load, 0 = -1", "expected `group, mc = n`"),
        ("load, -1 = 1", "expected `group, mc = n`"),
        ("load 0 = 1", "expected `group, mc = n`"),
        ("load, 0", "expected `group, mc = n`"),
        (", 0 = 1", "expected `group, mc = n`"),
        ("load, 0 = one", "expected `group, mc = n`"),
    ],
)
def test_a_line_that_names_no_column_is_refused_with_its_number(written, line, reason):
    with pytest.raises(ParameterError, match=f"line 2.*{reason}"):
        ScenarioBuilder.load(written(f"load, 0 = 1\n{line}\n"))


def test_a_gap_between_scenarios_is_refused(written):
    with pytest.raises(ValueError, match="no line for the scenarios 1"):
        ScenarioBuilder.load(written("load, 0 = 1\nload, 2 = 1\n"))


def test_two_columns_for_one_scenario_are_refused(written):
    with pytest.raises(ValueError, match=r"line 2.*has the column 1 already"):
        ScenarioBuilder.load(written("load, 0 = 1\nload, 0 = 2\n"))


def test_a_group_may_hold_a_comma(written):
    builder = ScenarioBuilder.load(written("north, east, 0 = 2\n"))
    assert builder.columns("north, east", [0]).tolist() == [1]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"modeler-scenariobuilder\.dat"):
        ScenarioBuilder.load(tmp_path)


def test_a_file_that_is_no_text_is_refused(written, tmp_path):
    path = written("")
    path.write_bytes(b"load, 0 = 1\n\xff\xfe")
    with pytest.raises(ParameterError, match=r"is no text.*at byte 12"):
        ScenarioBuilder.load(path)
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StorageError, match="Is a directory"):
        ScenarioBuilder.load(tmp_path / "folder")
