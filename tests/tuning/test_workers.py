"""Workers carry out each job once, can end at any moment, and the metadata tells what became of it."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doubles.faulty import FaultyStorage
from parquetry.access.conditions import Comparison, Demand
from parquetry.commits.home import Home
from parquetry.dataset import Dataset
from parquetry.errors import NotFoundError, UnknownColumnError
from parquetry.model.layouts import Layout
from parquetry.storage.local import LocalStorage
from parquetry.tuning import Config, MetadataStore
from parquetry.tuning.evaluation.verifying import find_verification
from parquetry.tuning.migrations import pieces
from parquetry.tuning.migrations.enqueuing import enqueue_migration
from parquetry.tuning.migrations.worker import Worker
from parquetry.tuning.records import LoggedQuery, LoggedScan, MigrationJob
from parquetry.tuning.replicas.state import replica_states, settle_records
from parquetry.tuning.rewriting.local import LocalRewriter
from tuning.replicas import ask, eager_router

LAYOUT = Layout(sort_by=("n",), row_group_rows=500)
ID = LAYOUT.layout_id
DISK = LocalStorage()
PROVE = pieces.prove
PROGRAM = """
import sys
from parquetry.tuning import Config, MetadataStore
from parquetry.tuning.migrations.worker import Worker
place, memory = sys.argv[1], int(sys.argv[2])
worker = Worker(
    MetadataStore(f"{place}/metadata.db"),
    Config(data_dir=place),
    stale_after_seconds=float(sys.argv[3]),
    memory_bytes=memory,
)
print("ready", flush=True)
worker.loop(0.02)
print("stopped", flush=True)
"""


@pytest.fixture
def place(tmp_path):
    rng = np.random.default_rng(3)
    for number in range(4):
        folder = tmp_path / f"t/day={number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({"n": rng.integers(0, 10_000, 5_000), "i": np.arange(5_000)})
        pq.write_table(table, folder / f"{number}.parquet")
    return tmp_path


@pytest.fixture
def metadata(place):
    found = MetadataStore(place / "metadata.db")
    yield found
    found.close()


def worker(metadata, place, **how):
    return Worker(metadata, Config(data_dir=str(place)), **how)


def is_answered_from(place, layout_id):
    source = Dataset(place / "t").source
    schema, rows, layouts = ask(source, "FROM t WHERE n < 50", eager_router())
    assert (schema, rows) == ask(source, "FROM t WHERE n < 50")[:2]
    return layouts == [layout_id]


def state_of(metadata):
    return [job.state for job in metadata.jobs("t")]


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_job_becomes_a_replica(place, metadata, mode):
    job = enqueue_migration(metadata, str(place), "t", LAYOUT, mode=mode)
    told = []
    done = worker(metadata, place, told=told.append).run_once()
    assert [one.state for one in told] == ["running", "done"]
    assert (done.job_id, done.state, done.progress) == (job.job_id, "done", 1.0)
    record = metadata.layout("t", ID)
    assert (record.state, record.role, record.rows) == ("ready", "replica", 20_000)
    assert record.rewrite_seconds > 0
    assert record.rewrite_bytes > record.bytes > 0
    assert metadata.jobs("t")[0].estimate_seconds > 0
    assert is_answered_from(place, ID)
    assert worker(metadata, place).run_once() is None


def test_an_active_layout_is_a_commit_that_can_be_undone(place, metadata):
    before = sorted(os.listdir(place / "t/day=0"))
    own = ask(Dataset(place / "t").source, "FROM t")[1]
    for mode in ("full", "incremental"):
        layout = Layout(sort_by=("n",) if mode == "full" else ("i", "day"), row_group_rows=500)
        enqueue_migration(metadata, str(place), "t", layout, role="active", mode=mode)
        done = worker(metadata, place).run_once()
        assert done.state == "done", done.message
        assert metadata.active_layout("t").layout_id == layout.layout_id
        assert ask(Dataset(place / "t").source, "FROM t")[1] == own
    assert sorted(path.name for path in (place / "t").iterdir()) == ["day=0", "day=1"]
    states = {one.layout_id: one.state for one in metadata.layouts("t")}
    assert sorted(states.values()) == ["ready", "retired"]
    history = Dataset(place / "t").history()
    assert [record.operation for record in history] == ["lay out"] * 3
    groups = [pq.ParquetFile(path) for path in Dataset(place / "t").files()]
    assert all("day" not in file.schema_arrow.names for file in groups)
    Dataset(place / "t").restore(0)
    assert sorted(os.listdir(place / "t/day=0")) == before
    assert not list(place.rglob("*.pq"))


def test_the_units_of_experiments_are_not_laid_out_anew(tmp_path):
    (tmp_path / "events").mkdir()
    (tmp_path / "grids").mkdir()
    pq.write_table(pa.table({"n": [2, 1]}), tmp_path / "events/a.parquet")
    metadata = MetadataStore(tmp_path / "metadata.db")
    enqueue_migration(metadata, str(tmp_path), "events", LAYOUT, role="active")
    done = worker(metadata, tmp_path).run_once()
    assert done.state == "failed"
    assert "Make a replica" in done.message
    assert metadata.layout("events", ID).state == "failed"
    enqueue_migration(metadata, str(tmp_path), "events", LAYOUT)
    assert worker(metadata, tmp_path).run_once().state == "done"
    metadata.close()


def test_what_cannot_be_is_refused_before_it_is_queued(place, metadata):
    with pytest.raises(NotFoundError, match="nowhere"):
        enqueue_migration(metadata, str(place), "nowhere", LAYOUT)
    with pytest.raises(UnknownColumnError, match="gone"):
        enqueue_migration(metadata, str(place), "t", Layout(sort_by=("gone",)))
    assert not metadata.jobs()


def test_a_job_over_a_column_that_vanished_fails_in_words(place, metadata):
    metadata.enqueue_job(MigrationJob("t", Layout(sort_by=("gone",))))
    metadata.enqueue_job(MigrationJob("nowhere", LAYOUT))
    ended = [worker(metadata, place).run_once() for _ in range(2)]
    assert [job.state for job in ended] == ["failed", "failed"]
    assert "no column 'gone'" in ended[0].message
    assert "nowhere" in ended[1].message
    assert is_answered_from(place, "initial")


def test_a_small_table_is_laid_out_when_asked_for(tmp_path):
    (tmp_path / "t").mkdir()
    pq.write_table(pa.table({"n": [2, 1, 3]}), tmp_path / "t/a.parquet")
    metadata = MetadataStore(tmp_path / "metadata.db")
    enqueue_migration(metadata, str(tmp_path), "t", LAYOUT)
    assert worker(metadata, tmp_path).run_once().state == "done"
    metadata.close()


def test_a_full_disk_ends_the_job_frees_its_space_and_leaves_the_dataset(place, metadata):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    storage = FaultyStorage(60, "full")
    done = worker(metadata, place, storage=storage, memory_bytes=500_000).run_once()
    assert done.state == "failed"
    assert "space" in done.message
    assert metadata.layout("t", ID).state == "failed"
    assert not list(place.rglob("*.pq"))
    assert is_answered_from(place, "initial")
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    assert worker(metadata, place).run_once().state == "done"


class Holding:
    """A rewriter that lets somebody act after each part."""

    def __init__(self, act):
        self.act = act

    def __call__(self, task):
        for part in LocalRewriter(DISK)(task):
            yield part
            self.act()


def test_a_cancelled_job_ends_and_leaves_nothing(place, metadata):
    job = enqueue_migration(metadata, str(place), "t", LAYOUT)
    rewriter = Holding(lambda: metadata.cancel_job(job.job_id))
    done = worker(metadata, place, rewriter=rewriter, memory_bytes=500_000).run_once()
    assert done.state == "cancelled"
    assert metadata.layout("t", ID).state == "failed"
    assert not list(place.rglob("*.pq"))


def test_a_job_that_is_interrupted_goes_on_with_the_parts_that_are_written(place, metadata):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    parts = []

    def interrupt():
        parts.append(1)
        if len(parts) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker(metadata, place, rewriter=Holding(interrupt), memory_bytes=500_000).run_once()
    assert state_of(metadata) == ["queued"]
    first = set(place.rglob("*.pq"))
    assert first
    done = worker(metadata, place, memory_bytes=500_000).run_once()
    assert done.state == "done"
    assert len(first & set(place.rglob("*.pq"))) >= 1
    assert metadata.jobs("t")[0].resume["seconds"] > 0
    assert is_answered_from(place, ID)


def test_a_change_in_the_middle_is_planned_anew(place, metadata):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    rows = Dataset(place / "t")
    acted = []

    def change():
        if not acted:
            acted.append(1)
            os.unlink(rows.files()[0])

    done = worker(metadata, place, rewriter=Holding(change)).run_once()
    assert done.state == "done", done.message
    assert metadata.layout("t", ID).rows == 15_000
    assert is_answered_from(place, ID)


def test_a_job_whose_owner_is_silent_but_alive_is_not_done_twice(place, metadata):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    others = []

    def meet():
        if not others:
            time.sleep(0.05)
            others.append(worker(metadata, place, stale_after_seconds=0.01).run_once())

    first = worker(metadata, place, rewriter=Holding(meet), stale_after_seconds=600).run_once()
    assert others[0].state == "queued"
    assert first.state in {"queued", "done"}
    assert worker(metadata, place).run_once().state == "done"
    assert is_answered_from(place, ID)


def test_two_workers_never_do_one_job(place, metadata):
    layouts = [Layout(sort_by=("n",), row_group_rows=500 + number) for number in range(6)]
    for layout in layouts:
        enqueue_migration(metadata, str(place), "t", layout)
    done = []

    def work():
        mine = worker(metadata, place)
        for _ in range(200):
            job = mine.run_once()
            if job is not None:
                done.append((job.job_id, job.state))
            elif all(state == "done" for state in state_of(metadata)):
                return
            else:
                time.sleep(0.01)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [(number, "done") for number in range(1, 7)]
    assert len(replica_states(Home.of(place / "t"), DISK)) == 6


def test_the_metadata_follows_what_becomes_of_a_replica(place, metadata):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    worker(metadata, place).run_once()
    home = Home.of(place / "t")

    def settled():
        settle_records(metadata, "t", home, DISK)
        return metadata.layout("t", ID).state

    assert settled() == "ready"
    os.unlink(Dataset(place / "t").files()[0])
    assert settled() == "stale"
    enqueue_migration(metadata, str(place), "t", LAYOUT, mode="incremental")
    assert worker(metadata, place).run_once().state == "done"
    assert settled() == "ready"
    for path in place.rglob("manifest.json"):
        path.unlink()
    assert settled() == "retired"


def start(place, stale_seconds, memory_bytes=400_000):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place), str(memory_bytes), str(stale_seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_worker_cleanly_and_its_job_goes_on(place, metadata, number):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    process = start(place, 600)
    while state_of(metadata) == ["queued"]:
        time.sleep(0.002)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == "stopped\n"
    assert state_of(metadata)[0] in {"queued", "done"}
    if state_of(metadata) == ["queued"]:
        assert worker(metadata, place).run_once().state == "done"
    assert is_answered_from(place, ID)


NURSERY = f"""
import os, sys
import duckdb, polars, sqlalchemy.dialects.sqlite, parquetry.tuning.rewriting.spreading
{PROGRAM.split("place, memory", maxsplit=1)[0]}
print("ready", flush=True)
for line in sys.stdin:
    place, memory, stale_seconds = line.split()
    child = os.fork()
    if not child:
        config = Config(data_dir=place)
        metadata = MetadataStore(place + "/metadata.db")
        how = dict(stale_after_seconds=float(stale_seconds), memory_bytes=int(memory))
        Worker(metadata, config, **how).loop(0.02)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
"""Forks workers, so that only the first of many takes the time of importing."""


@pytest.fixture(scope="module")
def nursery():
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


@contextmanager
def a_worker_that_is_killed(nursery, place, stale_seconds):
    nursery.stdin.write(f"{place} 400_000 {stale_seconds}\n")
    nursery.stdin.flush()
    worker_process = int(nursery.stdout.readline())
    try:
        yield
    finally:
        os.kill(worker_process, signal.SIGKILL)
        assert nursery.stdout.readline() == "gone\n"


@pytest.mark.parametrize("role", ["replica", "active"])
def test_a_worker_that_is_killed_at_any_point_leaves_everything_whole(
    place, metadata, nursery, role
):
    rng = random.Random(11)
    own = ask(Dataset(place / "t").source, "FROM t")[1]
    kills = 0
    for number in range(4):
        layout = Layout(sort_by=("n",), row_group_rows=500 + number)
        mode = ["full", "incremental"][number % 2]
        enqueue_migration(metadata, str(place), "t", layout, role=role, mode=mode)
        while state_of(metadata)[-1] != "done":
            with a_worker_that_is_killed(nursery, place, 0.3):
                deadline = time.monotonic() + (rng.random() * 0.6 if kills % 4 < 3 else 60)
                while time.monotonic() < deadline and state_of(metadata)[-1] != "done":
                    time.sleep(0.005)
            killed_at = time.monotonic()
            kills += 1
            source = Dataset(place / "t").source
            assert ask(source, "FROM t", eager_router())[1] == own
            assert ask(source, "FROM t")[1] == own
            time.sleep(max(0.0, killed_at + 0.3 - time.monotonic()))
        assert metadata.layout("t", layout.layout_id).state == "ready"
    assert kills > 4
    assert is_answered_from(place, "initial") is (role == "active")


def log_questions(metadata):
    """Log questions that look for single values."""
    now = dt.datetime.now(dt.UTC)
    metadata.log_queries(
        [
            LoggedQuery(
                f"q{n}",
                now,
                "sql",
                f"SELECT * FROM t WHERE n = {n}",
                "c",
                5.0,
                1,
                (LoggedScan("t", demands=((Demand(Comparison("n", "=", 97 * n)),),)),),
            )
            for n in range(30)
        ]
    )


@pytest.mark.parametrize("role", ["replica", "active"])
@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_new_files_that_keep_nothing_apart_are_discarded_and_the_job_says_why(
    place, metadata, role, mode, monkeypatch
):
    """The layout promises an order by `n`; what is written is proved to have another one."""
    log_questions(metadata)
    own = ask(Dataset(place / "t").source, "FROM t")[1]
    job = enqueue_migration(metadata, str(place), "t", LAYOUT, role=role, mode=mode)
    monkeypatch.setattr(
        pieces,
        "prove",
        lambda paths, columns, _, *more: PROVE(paths, columns, Layout(row_group_rows=500), *more),
    )
    done = worker(metadata, place, rewriter=unordered).run_once()
    assert (done.job_id, done.state) == (job.job_id, "failed")
    assert "do not keep apart" in done.message
    assert "were predicted" in done.message
    assert "discarded" in done.message
    assert metadata.layout("t", ID).state == "failed"
    assert not find_verification(metadata, "t", ID).passed
    assert {path.name for path in place.rglob("*.pq")} == {"sample.pq"}
    assert ask(Dataset(place / "t").source, "FROM t")[1] == own
    assert not Dataset(place / "t").history()


def unordered(task):
    yield from LocalRewriter(DISK)(replace(task, layout=Layout(row_group_rows=500)))


@pytest.mark.parametrize("role", ["replica", "active"])
@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_new_files_that_read_as_predicted_come_into_use(place, metadata, role, mode):
    log_questions(metadata)
    enqueue_migration(metadata, str(place), "t", LAYOUT, role=role, mode=mode)
    done = worker(metadata, place).run_once()
    assert done.state == "done", done.message
    assert find_verification(metadata, "t", ID) is None


@pytest.mark.parametrize("state", ["done", "failed"])
def test_a_migration_counts_as_a_move_however_it_ended(place, metadata, state):
    enqueue_migration(metadata, str(place), "t", LAYOUT)
    storage = FaultyStorage(60, "full") if state == "failed" else DISK
    done = worker(metadata, place, storage=storage, memory_bytes=500_000).run_once()
    assert done.state == state
    kept = metadata.state("t")
    assert kept["moved_at"] is not None
    assert kept["state"]["rewrite_seconds"] > 0
