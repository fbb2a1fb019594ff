"""A session solves every block of every scenario, keeps what is finished, and says what failed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parquetry.errors import (
    ConflictError,
    ExecutorError,
    LayoutError,
    ParameterError,
    SchemaMismatchError,
)
from parquetry.series.blocks import ResolutionConfig
from parquetry.series.database import DataBase
from parquetry.series.session import SimulationSession
from parquetry.series.strategies import MaterializationStrategy
from parquetry.series.structures import ConstantData, TimeScenarioSeriesData
from parquetry.series.study import Study, TimeScope
from parquetry.series.tiles import cache_info
from series import studies

SEQUENTIAL = ResolutionConfig("sequential-subproblems", 10)
PARALLEL = ResolutionConfig("parallel-subproblems", 10)
pytestmark = pytest.mark.filterwarnings(
    # Python 3.12 and later speak up when a process that reads ahead is forked
    "ignore:This process.*is multi-threaded:DeprecationWarning"
)


def expected_levels(study, restarts=()):
    wind = study.database.get_values("farm", "wind", study.time_scope.steps, study.scenario_ids)
    return np.cumsum(wind, axis=0)


def test_every_step_of_every_scenario_is_there_once_and_in_order(study):
    frame = SimulationSession(study, SEQUENTIAL, studies.balance).run().frame()
    assert frame.columns == ["run_id", "scenario", "timestep", "cost"]
    assert frame["timestep"].to_list() == list(range(3, 97)) * 5
    assert frame["scenario"].to_list() == [s for s in range(5) for _ in range(94)]


def test_a_block_starts_where_the_one_before_it_ended(study):
    frame = SimulationSession(study, SEQUENTIAL, studies.accumulate).run().frame()
    found = frame["level"].to_numpy().reshape(5, 94).T
    np.testing.assert_allclose(found, expected_levels(study), rtol=1e-12)


def test_look_ahead_is_solved_but_not_kept_and_the_carry_is_that_of_the_kept_steps(study):
    config = ResolutionConfig("sequential-subproblems", 10, block_overlap=3)
    frame = SimulationSession(study, config, studies.accumulate).run().frame()
    assert frame["timestep"].to_list() == list(range(3, 97)) * 5
    found = frame["level"].to_numpy().reshape(5, 94).T
    np.testing.assert_allclose(found, expected_levels(study), rtol=1e-12)


def test_nothing_is_handed_on_in_parallel_mode_or_with_a_carry_over_of_zero(study):
    without = replace(SEQUENTIAL, carry_over_length=0)
    alone = SimulationSession(study, PARALLEL, studies.accumulate, run_id="r").run().frame()
    cut = SimulationSession(study, without, studies.accumulate, run_id="r").run().frame()
    assert_frame_equal(alone, cut)
    first_of_block_2 = alone.filter(pl.col("timestep") == 13, pl.col("scenario") == 0)["level"][0]
    wind = study.database.get_values("farm", "wind", [13], [0])
    assert first_of_block_2 == wind[0, 0]


def test_batches_of_blocks_give_the_same_tables(study):
    one = SimulationSession(study, PARALLEL, studies.accumulate, run_id="r").run().frame()
    for size in (2, 4, 100):
        config = replace(PARALLEL, blocks_per_batch=size)
        many = SimulationSession(study, config, studies.accumulate, run_id="r").run().frame()
        assert_frame_equal(one, many)


def test_results_are_a_hive_dataset_that_any_tool_reads(study, output):
    report = SimulationSession(
        study, SEQUENTIAL, studies.balance, run_id="base case", output=output
    ).run()
    assert report.scenarios == (0, 1, 2, 3, 4)
    assert sorted(os.listdir(output)) == ["run_id=base%20case"]
    assert min(os.listdir(output / "run_id=base%20case")) == "scenario=0"
    foreign = pl.read_parquet(f"{output}/**/*.parquet", hive_partitioning=True)
    assert_frame_equal(
        foreign.sort("scenario", "timestep"), report.frame(), check_column_order=False
    )
    memory = SimulationSession(study, SEQUENTIAL, studies.balance, run_id="base case").run()
    assert_frame_equal(memory.frame(), report.frame())


def test_a_rerun_skips_what_is_finished(study, output, monkeypatch, tmp_path):
    mended = tmp_path / "mended"
    monkeypatch.setenv("PARQUETRY_TEST_MENDED", str(mended))
    session = SimulationSession(
        study, SEQUENTIAL, studies.fail_unless_mended, run_id="r", output=output
    )
    with pytest.raises(ExecutorError, match=r"Scenario 3, block 0 \(steps 3 to 12\)") as caught:
        session.run()
    assert "3 of 5 scenarios are finished and kept" in str(caught.value)
    assert "run_id='r'" in str(caught.value)
    assert "RuntimeError: no licence" in str(caught.value)
    mended.touch()
    log = Path(f"{mended}.log")
    before = len(log.read_text().splitlines())
    report = session.run()
    assert (report.skipped, report.scenarios) == ((0, 1, 2), (3, 4))
    assert len(log.read_text().splitlines()) - before == 2 * 10
    whole = SimulationSession(study, SEQUENTIAL, studies.balance, run_id="r").run().frame()
    assert_frame_equal(report.frame(), whole)
    assert session.run().scenarios == ()


def test_a_rerun_with_other_settings_is_refused(study, output):
    session = SimulationSession(study, SEQUENTIAL, studies.balance, run_id="r", output=output)
    session.run()
    for changed in (
        replace(session, config=PARALLEL),
        replace(session, solve=studies.accumulate),
        replace(session, study=replace(study, time_scope=TimeScope(0, 50))),
    ):
        with pytest.raises(ParameterError, match="begun with other settings"):
            changed.run()
    more = replace(session, study=replace(study, scenario_ids=range(7)))
    assert more.run().scenarios == (5, 6)


KILLED = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from series import studies
from parquetry.series.blocks import ResolutionConfig
from parquetry.series.session import SimulationSession
mode, folder, output = sys.argv[1:]
study = studies.small_study(Path(folder))
config = ResolutionConfig(mode, 10)
SimulationSession(study, config, studies.kill_me_in_scenario_3, run_id="r", output=output).run()
"""


@pytest.mark.parametrize("mode", ["sequential-subproblems", "parallel-subproblems"])
def test_a_kill_costs_only_what_was_not_finished(study, study_folder, output, mode):
    paths = [str(Path(__file__).resolve().parents[1]), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", KILLED, mode, str(study_folder), str(output)]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr
    assert len(list(output.rglob("*.parquet"))) == 3
    mended = subprocess.run(
        command, env=environment | {"PARQUETRY_TEST_SURVIVE": "1"}, check=True, capture_output=True
    )
    assert mended.returncode == 0
    config = ResolutionConfig(mode, 10)
    whole = SimulationSession(study, config, studies.balance, run_id="r").run().frame()
    found = pl.read_parquet(f"{output}/**/*.parquet", hive_partitioning=False)
    assert_frame_equal(found.sort("scenario", "timestep"), whole)


@pytest.mark.parametrize("workers", [None, "threads", "processes"])
def test_the_first_error_names_scenario_block_and_steps_and_cancels_the_rest(
    study, output, workers
):
    executor = {None: None, "threads": ThreadPoolExecutor(2), "processes": ProcessPoolExecutor(2)}[
        workers
    ]
    session = SimulationSession(
        study,
        SEQUENTIAL,
        studies.fail_in_block_3_of_scenario_2,
        executor,
        run_id="r",
        output=output,
    )
    with pytest.raises(ExecutorError) as caught:
        session.run()
    assert caught.value.task == "scenario 2, block 3 (steps 33 to 42)"
    assert "RuntimeError: the model is infeasible" in str(caught.value)
    assert "in fail_in_block_3_of_scenario_2" in "".join(caught.value.__notes__)
    assert not (output / "run_id=r" / "scenario=2").exists()
    if executor is not None:
        executor.shutdown()


def test_an_executor_that_is_shut_down_is_an_error_of_ours(study):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ExecutorError, match="shutdown"):
        SimulationSession(study, SEQUENTIAL, studies.balance, executor).run()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"materialization": "mmap"}, "'mmap' is no MaterializationStrategy"),
        ({"executor": 4}, "int does not"),
    ],
)
def test_what_is_no_strategy_or_executor_is_refused(study, wrong, told):
    with pytest.raises(ParameterError, match=told):
        SimulationSession(study, SEQUENTIAL, studies.balance, **wrong)


def test_preflight_comes_before_the_first_solve(study, output, monkeypatch, tmp_path):
    monkeypatch.setenv("PARQUETRY_TEST_MENDED", str(tmp_path / "mended"))
    too_long = replace(study, time_scope=TimeScope(0, 100))
    too_many = replace(study, scenario_ids=range(8))
    for wrong, reason in ((too_long, "step 100 is needed"), (too_many, "it has 0 to 6")):
        session = SimulationSession(
            wrong, SEQUENTIAL, studies.fail_unless_mended, run_id="r", output=output
        )
        with pytest.raises(SchemaMismatchError, match=reason) as caught:
            session.run()
        assert "nothing was solved" in str(caught.value)
    assert not (tmp_path / "mended.log").exists()
    assert not output.exists()


def test_nan_stops_a_session_that_refuses_it(study):
    study.database.add_data("extra", "gap", TimeScenarioSeriesData(np.full((100, 5), np.nan)))
    SimulationSession(study, SEQUENTIAL, studies.balance).run()
    with pytest.raises(SchemaMismatchError, match="NaN"):
        SimulationSession(study, SEQUENTIAL, studies.balance, refuse_nan=True).run()


def test_a_solver_that_cannot_travel_is_refused_before_anything_is_solved(study):
    study.database.add_data("extra", "lock", ConstantData(threading.Lock()))
    with ProcessPoolExecutor(1) as executor:
        session = SimulationSession(study, SEQUENTIAL, studies.balance, executor)
        with pytest.raises(ParameterError, match="cannot be sent to another process"):
            session.run()


def no_pair(block, ids, values, carry):
    return pl.DataFrame({"timestep": list(block.timesteps)})


def no_table(block, ids, values, carry):
    return 42, None


def no_scenario(block, ids, values, carry):
    return {"cost": [1.0]}, None


def relative_steps(block, ids, values, carry):
    return {"timestep": [0], "scenario": [ids[0]]}, None


def foreign_scenario(block, ids, values, carry):
    return {"scenario": [77]}, None


def reserved_column(block, ids, values, carry):
    return {"scenario": [ids[0]], "run_id": ["x"]}, None


def unknown_parameter(block, ids, values, carry):
    return {"x": values["farm", "wimd"]}, None


@pytest.mark.parametrize(
    ("solve", "reason"),
    [
        (no_pair, "must return a table and the carry-over"),
        (no_table, "returned int as its table"),
        (no_scenario, "needs a column 'scenario'"),
        (relative_steps, "Steps are absolute"),
        (foreign_scenario, r"scenarios \[77\], which it was not given"),
        (reserved_column, "belongs to the session"),
        (unknown_parameter, "Did you mean 'farm.wind'"),
    ],
)
def test_an_answer_that_makes_no_sense_is_explained(study, solve, reason):
    with pytest.raises(ExecutorError, match=reason):
        SimulationSession(study, ResolutionConfig(), solve).run()


def without_steps(block, ids, values, carry):
    return {"block": [block.index]}, None


def test_a_table_needs_no_steps_unless_blocks_overlap(study):
    frame = SimulationSession(study, SEQUENTIAL, without_steps).run().frame()
    assert frame["block"].to_list() == list(range(10)) * 5
    config = ResolutionConfig("sequential-subproblems", 10, block_overlap=2)
    with pytest.raises(ExecutorError, match="needs a column 'timestep'"):
        SimulationSession(study, config, without_steps).run()


def typed_by_scenario(block, ids, values, carry):
    return {"value": [1 if ids[0] else 1.5], "note": [None if ids[0] else "x"]}, None


def shaped_by_scenario(block, ids, values, carry):
    return {"a" if ids[0] else "b": [1]}, None


def test_all_scenarios_get_the_types_of_the_first(study, output):
    for place in (None, output):
        session = SimulationSession(study, SEQUENTIAL, typed_by_scenario, output=place)
        frame = session.run().frame()
        assert frame.schema["value"] == pl.Float64
        assert frame["value"].to_list() == [1.5] * 10 + [1.0] * 40


def test_other_columns_in_another_scenario_are_refused(study, output):
    session = SimulationSession(study, SEQUENTIAL, shaped_by_scenario, run_id="r", output=output)
    with pytest.raises(SchemaMismatchError, match="table of scenario 1 does not fit"):
        session.run()
    assert os.listdir(output / "run_id=r") == ["scenario=0"]


def test_two_sessions_on_one_run_do_not_mix(study, output):
    session = SimulationSession(study, SEQUENTIAL, studies.balance, run_id="r", output=output)

    def interfere(progress):
        if progress.scenarios == 2:
            session.run()

    with pytest.raises(ConflictError, match="written by another session"):
        replace(session, progress=interfere).run()
    whole = SimulationSession(study, SEQUENTIAL, studies.balance, run_id="r").run().frame()
    assert_frame_equal(session.run().frame(), whole)


def test_progress_is_told(study):
    seen = []
    SimulationSession(study, PARALLEL, studies.balance, progress=seen.append).run()
    assert [state.blocks for state in seen] == list(range(51))
    assert seen[-1].scenarios == seen[-1].all_scenarios == 5
    assert seen[-1].all_blocks == 50


def test_items_in_flight_are_bounded(study):
    class Counting(ThreadPoolExecutor):
        most = 0
        now = 0

        def submit(self, fn, /, *args, **kwargs):
            Counting.now += 1
            Counting.most = max(Counting.most, Counting.now)
            future = super().submit(fn, *args, **kwargs)
            future.add_done_callback(lambda _: self._less())
            return future

        def _less(self):
            Counting.now -= 1

    with Counting(2) as executor:
        SimulationSession(study, PARALLEL, studies.slow_balance, executor, max_in_flight=3).run()
    assert Counting.most <= 3


def test_the_next_block_is_read_ahead_and_nothing_is_decoded_twice(study):
    before = cache_info().decoded_bytes
    SimulationSession(study, SEQUENTIAL, studies.balance).run()
    columns = len({3, 0, 6, 1})  # five scenarios, of which two have one column
    wind, price, share = columns * 100 * 8, 100 * 8, columns * 8
    assert cache_info().decoded_bytes - before == wind + price + share


def test_per_worker_loads_its_own_steps_and_scenarios_only(study, monkeypatch):
    loaded = []
    original = DataBase.materialize

    def watch(self, ids, timesteps=None):
        made = original(self, ids, timesteps)
        loaded.append(made.get_data("farm", "wind").data.shape)
        return made

    monkeypatch.setattr(DataBase, "materialize", watch)
    strategy = MaterializationStrategy.PER_WORKER
    before = cache_info().decoded_bytes
    SimulationSession(study, PARALLEL, studies.balance, materialization=strategy).run()
    assert set(loaded) == {(10, 1), (4, 1)}
    assert len(loaded) == 50
    assert cache_info().decoded_bytes == before


def test_a_large_study_travels_once_through_a_file(study, output, monkeypatch):
    big = TimeScenarioSeriesData(np.random.default_rng(0).random((20000, 5)))
    study.database.add_data("extra", "big", big)
    with ProcessPoolExecutor(2) as executor:
        session = SimulationSession(
            study, PARALLEL, studies.balance, executor, run_id="r", output=output
        )
        frame = session.run().frame()
    assert len(frame) == 5 * 94
    staging = output.parent / ".parquetry" / "datasets" / "dispatch" / "staging"
    assert os.listdir(staging) == []


@pytest.mark.parametrize("ids", [[], [1, 1], [-1]])
def test_scenarios_that_make_no_study_are_refused(ids):
    with pytest.raises(ParameterError, match="scenarios"):
        Study(DataBase(), TimeScope(0, 1), ids)


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (3, 2)])
def test_a_time_scope_goes_forward_from_zero(first, last):
    with pytest.raises(ParameterError, match="time scope"):
        TimeScope(first, last)


def test_a_run_id_that_cannot_name_a_folder_is_refused(study):
    with pytest.raises(LayoutError):
        SimulationSession(study, SEQUENTIAL, studies.balance, run_id="x" * 300)


def test_a_terminal_shows_a_bar(study, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    SimulationSession(study, SEQUENTIAL, studies.balance).run()
    assert "5/5 scenarios" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_shown(study, capsys):
    SimulationSession(study, SEQUENTIAL, studies.balance).run()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_an_error_tells_whether_something_was_kept(study, output):
    solve = studies.fail_in_block_3_of_scenario_2
    for place, outcome in ((None, "unchanged"), (output, "changed")):
        session = SimulationSession(study, SEQUENTIAL, solve, run_id="r", output=place)
        with pytest.raises(ExecutorError) as caught:
            session.run()
        assert caught.value.outcome == outcome
