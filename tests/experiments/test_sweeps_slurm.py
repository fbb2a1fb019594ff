"""Array lists are what `sbatch --array=` reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.sweep_workers import write
from parquetry.experiments.sweeps import Sweep
from parquetry.experiments.sweeps.slurm import array_list


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ([], ""),
        ([0], "0"),
        ([5, 6], "5-6"),
        ([1, 2, 3, 4, 5, 6, 7, 12], "1-7,12"),
        ([12, 3, 1, 2, 12], "1-3,12"),
        ([0, 2, 4], "0,2,4"),
        ([0, 1, 3, 4, 6], "0-1,3-4,6"),
    ],
)
def test_neighbours_become_ranges(indices, text):
    assert array_list(indices) == text


@given(st.sets(st.integers(0, 60)))
def test_a_list_means_exactly_its_indices(indices):
    meant = []
    for part in filter(None, array_list(indices).split(",")):
        first, _, last = part.partition("-")
        meant += range(int(first), int(last or first) + 1)
    assert meant == sorted(indices)


def test_the_missing_units_of_a_sweep_are_an_array(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[{"x": 1}, {"x": 2}], seeds=range(10))
    assert sweep.missing_array() == "0-19"
    for index in (0, *range(8, 12), *range(13, 20)):
        write(tmp_path, sweep.unit(index))
    assert sweep.missing_array() == "1-7,12"
    for index in (*range(1, 8), 12):
        claim = sweep.claim(index)
        with claim as unit:
            assert unit == sweep.unit(index)
            write(tmp_path, unit)
    assert sweep.missing_array() == ""
