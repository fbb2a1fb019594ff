"""Every mode, every strategy and every executor give the same tables."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from polars.testing import assert_frame_equal

from parquetry.errors import ExecutorError
from parquetry.series.blocks import ResolutionConfig
from parquetry.series.session import SimulationSession
from parquetry.series.strategies import MaterializationStrategy
from series import studies

MODES = ["frontal", "sequential-subproblems", "parallel-subproblems"]
EXECUTORS = ["none", "threads", "processes", "dask", "ray"]
pytestmark = pytest.mark.filterwarnings(
    # Python 3.12 and later speak up when a process that has threads is forked
    "ignore:This process.*is multi-threaded:DeprecationWarning"
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "data-series"
    folder.mkdir()
    studies.write_small_study(folder)
    return studies.small_study(folder)


@pytest.fixture(scope="session", params=EXECUTORS)
def executor(request):
    match request.param:
        case "none":
            yield None
        case "threads":
            with ThreadPoolExecutor(3) as pool:
                yield pool
        case "processes":
            with ProcessPoolExecutor(2) as pool:
                yield pool
        case "dask":
            yield request.getfixturevalue("dask_client").get_executor()
        case "ray":
            yield request.getfixturevalue("ray_executor")


def config_of(mode):
    return ResolutionConfig(mode, None if mode == "frontal" else 10)


@pytest.fixture(scope="module")
def reference(study):
    """What no executor and no strategy give, for a solver that goes on from block to block."""
    return {
        mode: SimulationSession(study, config_of(mode), studies.accumulate, run_id="r")
        .run()
        .frame()
        for mode in MODES
    }


@pytest.mark.parametrize("strategy", list(MaterializationStrategy))
@pytest.mark.parametrize("mode", MODES)
def test_the_tables_are_the_same(study, reference, executor, mode, strategy):
    session = SimulationSession(
        study, config_of(mode), studies.accumulate, executor, strategy, run_id="r"
    )
    assert_frame_equal(session.run().frame(), reference[mode], check_exact=True)


@pytest.mark.parametrize("strategy", list(MaterializationStrategy))
@pytest.mark.parametrize("mode", MODES)
def test_where_blocks_do_not_depend_on_each_other_the_modes_agree(study, mode, strategy):
    frontal = SimulationSession(study, config_of("frontal"), studies.balance, run_id="r")
    session = SimulationSession(
        study, config_of(mode), studies.balance, materialization=strategy, run_id="r"
    )
    assert_frame_equal(session.run().frame(), frontal.run().frame(), check_exact=True)


def test_an_error_on_any_executor_names_the_task_and_leaves_the_executor_usable(
    study, executor, tmp_path
):
    output = tmp_path / "results"
    session = SimulationSession(
        study,
        config_of("sequential-subproblems"),
        studies.fail_in_block_3_of_scenario_2,
        executor,
        run_id="r",
        output=output,
    )
    with pytest.raises(ExecutorError) as caught:
        session.run()
    assert caught.value.task == "scenario 2, block 3 (steps 33 to 42)"
    again = SimulationSession(
        study, config_of("frontal"), studies.balance, executor, run_id="s", output=output
    )
    assert again.run().scenarios == (0, 1, 2, 3, 4)


def test_threads_that_the_test_started_are_the_only_ones(study):
    before = threading.active_count()
    SimulationSession(study, config_of("sequential-subproblems"), studies.balance).run()
    assert threading.active_count() <= before + 1  # the one that reads ahead
