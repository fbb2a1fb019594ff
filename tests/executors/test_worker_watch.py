"""A cluster that loses all its workers is noticed; one that has none yet is waited for."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor

import pytest

from parquetry.executors.worker_watch import WorkerWatch


class Client:
    """A scheduler with so many threads at each of its workers."""

    asynchronous = False

    def __init__(self, *workers):
        self.workers = workers

    def nthreads(self):
        if self.workers is None:
            raise OSError("no scheduler")
        return dict(enumerate(self.workers))


class Cluster(Executor):
    """An executor as Dask gives it."""

    def __init__(self, *workers):
        self._client = Client(*workers)


def test_of_other_executors_there_is_nothing_to_see():
    with ThreadPoolExecutor(1) as pool:
        watch = WorkerWatch(pool, 0.0)
        assert watch.interval_seconds is None
        assert watch.threads() is None
        assert watch.loss() is None


def test_the_threads_of_all_workers_count():
    assert WorkerWatch(Cluster(2, 4), 1.0).threads() == 6


def test_a_cluster_without_a_worker_yet_is_waited_for():
    watch = WorkerWatch(Cluster(), 0.0)
    assert watch.threads() == 0
    assert watch.loss() is None


def test_a_cluster_that_has_lost_its_workers_is_given_up():
    cluster = Cluster(1)
    watch = WorkerWatch(cluster, 0.0)
    assert watch.loss() is None
    cluster._client.workers = ()
    error = watch.loss()
    assert isinstance(error, BrokenExecutor)
    assert "lost all its workers" in str(error)


@pytest.mark.parametrize("patience", [1000.0, None])
def test_patience_is_a_matter_of_taste(patience):
    cluster = Cluster(1)
    watch = WorkerWatch(cluster, patience)
    watch.loss()
    cluster._client.workers = ()
    assert watch.loss() is None


def test_a_scheduler_that_does_not_answer_says_nothing_of_its_workers():
    cluster = Cluster(1)
    watch = WorkerWatch(cluster, 0.0)
    watch.loss()
    cluster._client.workers = None
    assert watch.loss() is None
    assert watch.threads() is None


def test_a_client_that_has_to_be_awaited_is_not_asked():
    cluster = Cluster(1)
    cluster._client.asynchronous = True
    assert WorkerWatch(cluster, 0.0).threads() is None
