"""A sweep writes rows into its own store, as `write_event_rows` and `write_seed_rows` do."""

from __future__ import annotations

import polars as pl
import pytest

from parquetry import Store, Sweep, write_event_rows
from parquetry.errors import AlreadyExistsError, ParameterError

PARAMS = {"algo": "a", "gamma": 0.5}
EVENTS = [{"event_id": i, "regret": i / 2} for i in range(3)]


@pytest.mark.parametrize(
    "rows",
    [EVENTS, pl.DataFrame(EVENTS), iter([pl.DataFrame(EVENTS)])],
    ids=["dicts", "frame", "it"],
)
def test_a_frame_and_a_seed_are_a_unit(tmp_path, rows):
    store = Store(tmp_path / "results")
    report = store.sweep("events").write(PARAMS, seed=1, rows=rows)
    assert (report.units_written, report.rows) == (1, 3)
    found = store.sql("select algo, gamma, seed, event_id from events order by event_id").fetchall()
    assert found == [("a", 0.5, 1, i) for i in range(3)]


def test_it_writes_the_very_unit_that_write_event_rows_does(tmp_path):
    Sweep(tmp_path).write(PARAMS, seed=1, rows=EVENTS)
    again = write_event_rows([{**row, "seed": 1} for row in EVENTS], tmp_path, PARAMS)
    assert (again.units_written, again.units_unchanged) == (0, 1)


def test_a_claimed_unit_is_done_once_its_rows_are_written(tmp_path):
    sweep = Sweep.declare(tmp_path, params=[PARAMS], seeds=range(2))
    for claim in sweep.claims():
        with claim as unit:
            sweep.write(unit.params, rows=EVENTS)
    assert sweep.status().is_complete


def test_summaries_go_to_the_seeds(tmp_path):
    Sweep(tmp_path).write(PARAMS, seed=1, rows=[{"score": 0.5}], granularity="seed")
    assert Store(tmp_path).sql("select seed, score from seeds").fetchall() == [(1, 0.5)]


def test_keys_and_mode_are_those_of_the_call(tmp_path):
    sweep = Sweep(tmp_path)
    report = sweep.write(PARAMS, seed=1, rows=EVENTS, partition_by=["algo", "grid_id", "seed"])
    assert "/events/algo=a/grid_id=" in report.paths[0]
    with pytest.raises(AlreadyExistsError):
        sweep.write(PARAMS, seed=1, rows=EVENTS, mode="error")


def test_rows_of_another_seed_are_refused_and_nothing_is_written(tmp_path):
    rows = [{**row, "seed": seed} for row, seed in zip(EVENTS, (1, 1, 2), strict=True)]
    with pytest.raises(ParameterError, match=r"say seed=2 and are to be written as seed 1"):
        Sweep(tmp_path / "results").write(PARAMS, seed=1, rows=rows)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("seed", [True, 1.5, "1", 2**63])
def test_what_is_no_seed_is_refused(tmp_path, seed):
    with pytest.raises(ParameterError, match="is no seed"):
        Sweep(tmp_path).write(PARAMS, seed=seed, rows=EVENTS)


def test_an_unknown_granularity_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="'event' or 'seed'"):
        Sweep(tmp_path).write(PARAMS, seed=1, rows=EVENTS, granularity="run")


def test_what_is_declared_volatile_is_written_so(tmp_path):
    sets = [{**PARAMS, "note": "first try"}]
    sweep = Sweep.declare(tmp_path, params=sets, seeds=[1], volatile=["note"])
    again = [{**PARAMS, "note": "again"}]
    Sweep.declare(tmp_path, params=again, seeds=[2], name="later", volatile=["note"])
    for claim in sweep.claims():
        with claim as unit:
            assert unit.params["note"] == "first try"
            sweep.write(unit.params, rows=EVENTS, volatile=["note"])
    assert sweep.status().is_complete
    assert Store(tmp_path).grids().num_rows == 1
