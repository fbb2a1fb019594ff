"""Fixtures that every floor's tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # no test asserts on time, on however busy a machine


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data that stands beside the checkout; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def dask_client():
    """A Dask of two processes, started once for all tests; it gives up a task whose worker dies."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", protocol="tcp://"
        )
        client = distributed.Client(cluster)
        yield client
        client.close()
        cluster.close()


@pytest.fixture(scope="session")
def ray_executor():
    """A Ray of this machine, started once for all tests; it gives up a task whose worker dies."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from parquetry.executors.ray import RayExecutor

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
        executor = RayExecutor(max_retries=0)
    yield executor
    executor.shutdown(cancel_futures=True)


def _is_missing_engine(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a test was skipped because something is not installed, where everything has to be."""
    return bool(os.environ.get("CI") and report.skipped and "not installed" in str(report.longrepr))


def _as_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _is_missing_engine(report):
        report.outcome = "failed"
        report.longrepr = f"in CI no engine may be missing: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    _as_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    _as_failure(report)
    return report
