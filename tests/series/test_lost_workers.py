"""Whoever dies in the middle, of what executor ever: it is said, and finished scenarios are kept."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest

from parquetry.errors import ExecutorError
from parquetry.series.blocks import ResolutionConfig
from parquetry.series.session import SimulationSession
from series import studies

SEQUENTIAL = ResolutionConfig("sequential-subproblems", 10)
pytestmark = pytest.mark.filterwarnings(
    # Python 3.12 and later speak up when a process that has threads is forked
    "ignore:This process.*is multi-threaded:DeprecationWarning"
)


@pytest.fixture(params=["BrokenProcessPool", "KilledWorker", "BrokenExecutor: Ray lost"])
def told(request):
    """How the death of a worker is told."""
    return request.param


@pytest.fixture
def open_executor(told, request):
    """What opens an executor of the kind, again after it broke."""
    if told == "KilledWorker":
        return request.getfixturevalue("dask_client").get_executor
    if told == "BrokenProcessPool":
        return lambda: ProcessPoolExecutor(1)
    ray = request.getfixturevalue("ray_executor")
    return lambda: ray


def test_a_worker_that_dies_is_told_and_what_is_finished_is_kept(
    study, output, tmp_path, told, open_executor
):
    mended = tmp_path / "mended"
    session = SimulationSession(
        study,
        SEQUENTIAL,
        studies.Mortal(str(mended)),
        open_executor(),
        run_id="r",
        output=output,
        max_in_flight=1,
    )
    with pytest.raises(ExecutorError, match=told) as caught:
        session.run()
    assert caught.value.task == "scenario 2, blocks 0 to 9"
    assert "Scenario 2, blocks 0 to 9 was lost" in str(caught.value)
    assert "2 of 5 scenarios are finished and kept" in str(caught.value)
    assert sorted(os.listdir(output / "run_id=r")) == ["scenario=0", "scenario=1"]
    mended.touch()
    report = replace(session, executor=open_executor()).run()
    assert (report.skipped, report.scenarios) == ((0, 1), (2, 3, 4))


def test_a_cluster_whose_workers_are_all_removed_is_given_up(study, output):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", processes=False
        ) as cluster,
        distributed.Client(cluster) as client,
    ):

        def remove(progress):
            if progress.scenarios == 2:
                cluster.scale(0)

        session = SimulationSession(
            study,
            SEQUENTIAL,
            studies.slow_balance,
            client.get_executor(),
            run_id="r",
            output=output,
            max_in_flight=1,
            progress=remove,
            patience_seconds=0.2,
        )
        with pytest.raises(ExecutorError, match="lost all its workers") as caught:
            session.run()
        assert "2 of 5 scenarios are finished and kept" in str(caught.value)
        cluster.scale(1)
        report = replace(session, progress=None).run()
    assert (report.skipped, report.scenarios) == ((0, 1), (2, 3, 4))
