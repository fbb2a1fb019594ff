"""The metadata database: what is written comes back, on both databases, whoever else writes."""

from __future__ import annotations

import datetime as dt
import math
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from parquetry.access.conditions import Combined, Comparison, Demand, Like, Negated, OneOf
from parquetry.errors import (
    ConflictError,
    CorruptionError,
    FormatVersionError,
    MissingDependencyError,
    NotFoundError,
    ParameterError,
    RequestError,
    StorageError,
)
from parquetry.model.layouts import Layout, PartitionKey
from parquetry.tuning import Config, MetadataStore
from parquetry.tuning.metadata.connecting import Database
from parquetry.tuning.metadata.tables import HEAD, TABLES, VERSION_TABLE
from parquetry.tuning.metadata.upgrading import run_revisions
from parquetry.tuning.records import (
    ColumnName,
    EvaluationRecord,
    LayoutRecord,
    LoggedQuery,
    LoggedScan,
    MigrationJob,
    PredicateUse,
    Shape,
)

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
BY_X = Layout(sort_by=("x",))
BY_Y = Layout(partition_by=(PartitionKey("t", "month"),), sort_by=("y",))


def query(number, *, table="events", at=None, layout="initial", **more):
    demands = ((Demand(Comparison("x", "=", number)),),)
    scan = LoggedScan(table, layout, demands, files=1, row_groups_read=2, row_groups_total=9)
    return LoggedQuery(f"{number:08}", at or NOON, "sql", "select 1", "c1", 1.5, 3, (scan,), **more)


class TestQueries:
    def test_come_back_as_they_were(self, metadata):
        conditions = [
            Comparison("d", ">=", dt.date(2024, 1, 1)),
            Comparison("t", "<", dt.datetime(2024, 1, 1, 12, 30, 0, 1)),
            Comparison("z", "is not", None),
            OneOf("m", (1, "a", Decimal("1.50"), b"\x00")),
            Negated("s", Like("s", "a%")),
            Combined("f", "any", (Comparison("f", "=", 0.5), Comparison("f", ">", math.inf))),
        ]
        scans = (
            LoggedScan(
                "events", "initial", (tuple(map(Demand, conditions)), ()), ("a", "b"), 3, 1, 2
            ),
            LoggedScan("other", "layout_1", is_exploration=True, reason="to try", rows=7),
        )
        logged = LoggedQuery(
            "q1",
            NOON,
            "sql",
            "select ?",
            "c",
            2.25,
            1,
            scans,
            4,
            1,
            2,
            99,
            (1, dt.date(2024, 1, 1)),
        )
        metadata.log_queries([logged])
        assert metadata.queries("events") == [logged]
        assert metadata.queries("other") == [logged]
        assert metadata.queries("nothing") == []
        assert metadata.tables() == ["events", "other"]

    def test_are_chosen_by_time_layout_and_number(self, metadata):
        hours = [NOON + dt.timedelta(hours=number) for number in range(6)]
        metadata.log_queries(
            [query(n, at=at, layout="initial" if n % 2 else "l") for n, at in enumerate(hours)]
        )
        chosen = metadata.queries("events", since=hours[1], until=hours[4])
        assert [one.query_id for one in chosen] == ["00000001", "00000002", "00000003"]
        assert [one.query_id for one in metadata.queries("events", limit=2)] == [
            "00000004",
            "00000005",
        ]
        assert {one.query_id for one in metadata.queries(layout="l")} == {
            "00000000",
            "00000002",
            "00000004",
        }
        assert metadata.count_queries("events", since=hours[4]) == 2
        assert metadata.forget_queries(hours[5]) == 5
        assert metadata.count_queries("events") == 1

    def test_a_moment_with_another_zone_is_the_same_moment(self, metadata):
        zone = dt.timezone(dt.timedelta(hours=5))
        metadata.log_queries([query(1, at=NOON.astimezone(zone))])
        assert metadata.queries("events")[0].at == NOON
        assert metadata.queries("events", until=NOON.astimezone(zone)) == []

    def test_values_without_a_json_form_are_left_out_and_the_query_is_not_replayable(
        self, metadata
    ):
        odd = query(1, parameters=(object(),))
        demands = ((Demand(Comparison("x", "=", object())), Demand(Comparison("y", "=", 1))),)
        scan = LoggedScan("events", demands=demands)
        metadata.log_queries([LoggedQuery(**{**as_dict(odd), "scans": (scan,)})])
        [kept] = metadata.queries("events")
        assert kept.parameters is None
        assert not kept.is_replayable
        assert kept.scans[0].demands == ((Demand(Comparison("y", "=", 1)),),)

    def test_kinds_are_kept_once(self, metadata):
        shape = Shape(
            "c1",
            ("events",),
            (PredicateUse(ColumnName("events", "x"), "range"),),
            (ColumnName("", "y"),),
            example="select y from events",
        )
        metadata.log_queries([query(1)], [shape])
        metadata.log_queries([], [shape, Shape("c2", ("other",))])
        assert metadata.shapes("events") == [shape]
        assert [one.cluster_id for one in metadata.shapes()] == ["c1", "c2"]


def as_dict(record):
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


class TestLayouts:
    def test_are_replaced_by_what_is_known_later(self, metadata):
        building = LayoutRecord(BY_Y.layout_id, "events", BY_Y, "replica", "building", NOON)
        ready = LayoutRecord(
            BY_Y.layout_id,
            "events",
            BY_Y,
            "replica",
            "ready",
            NOON,
            1_000,
            10,
            2,
            5_000,
            1.5,
            9_000,
            {"row_groups": 3},
            "done",
        )
        metadata.save_layout(building)
        metadata.save_layout(ready)
        assert metadata.layouts("events") == [ready]
        assert metadata.layout("events", BY_Y.layout_id) == ready
        assert metadata.layout("events", "initial") is None
        assert metadata.active_layout("events") is None

    def test_the_active_one_is_the_newest_that_is_ready(self, metadata):
        later = NOON + dt.timedelta(days=1)
        metadata.save_layout(LayoutRecord("initial", "events", None, "active", "retired", NOON))
        metadata.save_layout(LayoutRecord(BY_X.layout_id, "events", BY_X, "active", "ready", later))
        assert metadata.active_layout("events").layout == BY_X
        assert len(metadata.layouts()) == 2


def test_evaluations_come_back_newest_first(metadata):
    records = [
        EvaluationRecord(
            "events",
            "initial",
            None if number else "c1",
            NOON,
            NOON + dt.timedelta(hours=number),
            10,
            reward=None if number == 1 else 0.5,
            note="insufficient data" if number == 1 else "",
        )
        for number in range(3)
    ]
    metadata.save_evaluations(records)
    assert metadata.evaluations("events") == records[::-1]
    assert metadata.evaluations("events", limit=1) == records[2:]
    assert metadata.evaluations(only_scored=True) == [records[2], records[0]]


def test_a_state_is_any_json_value_by_key(metadata):
    assert metadata.state("events") is None
    metadata.save_state("events", {"s": [1, math.inf]})
    metadata.save_state("events", {"s": [2]})
    metadata.save_state("events", "x", key="bandit")
    assert metadata.state("events") == {"s": [2]}
    assert metadata.state("events", "bandit") == "x"


class TestJobs:
    def test_go_from_the_queue_to_their_end(self, metadata):
        job = metadata.enqueue_job(MigrationJob("events", BY_X, mode="incremental"))
        assert (job.state, job.mode, job.layout) == ("queued", "incremental", BY_X)
        taken = metadata.claim_job("me")
        assert (taken.job_id, taken.owner, taken.state) == (job.job_id, "me", "running")
        news = {"progress": 0.5, "estimate_seconds": 9.0, "resume": {"file": 3}, "message": "half"}
        assert metadata.heartbeat_job(job.job_id, "me", **news)
        [seen] = metadata.jobs("events", state="running")
        assert (seen.progress, seen.estimate_seconds, seen.resume) == (0.5, 9.0, {"file": 3})
        assert metadata.finish_job(job.job_id, "me", "done", "written")
        [seen] = metadata.jobs()
        assert (seen.state, seen.progress, seen.message) == ("done", 1.0, "written")
        assert seen.created_at <= seen.started_at <= seen.finished_at
        assert not metadata.finish_job(job.job_id, "me", "failed")

    def test_the_same_work_is_not_queued_twice(self, metadata):
        job = metadata.enqueue_job(MigrationJob("events", BY_X))
        assert metadata.enqueue_job(MigrationJob("events", BY_X)).job_id == job.job_id
        assert metadata.enqueue_job(MigrationJob("other", BY_X)).job_id != job.job_id
        active = metadata.enqueue_job(MigrationJob("events", BY_X, role="active"))
        assert active.job_id != job.job_id
        metadata.claim_job("me")
        metadata.finish_job(job.job_id, "me", "done")
        assert metadata.enqueue_job(MigrationJob("events", BY_X)).job_id != job.job_id

    def test_one_job_of_a_dataset_runs_at_a_time(self, metadata):
        first = metadata.enqueue_job(MigrationJob("events", BY_X))
        metadata.enqueue_job(MigrationJob("events", BY_Y))
        other = metadata.enqueue_job(MigrationJob("other", BY_X))
        assert metadata.claim_job("a").job_id == first.job_id
        assert metadata.claim_job("b").job_id == other.job_id
        assert metadata.claim_job("c") is None
        assert metadata.claim_job("c", table="events") is None

    def test_a_job_whose_owner_died_goes_on_with_another(self, metadata):
        job = metadata.enqueue_job(MigrationJob("events", BY_X))
        metadata.claim_job("dead")
        metadata.heartbeat_job(job.job_id, "dead", resume={"file": 3})
        assert metadata.claim_job("alive", stale_after_seconds=3600) is None
        taken = metadata.claim_job("alive", stale_after_seconds=-1)
        assert (taken.job_id, taken.owner, taken.resume) == (job.job_id, "alive", {"file": 3})
        assert not metadata.heartbeat_job(job.job_id, "dead")
        assert not metadata.finish_job(job.job_id, "dead", "done")
        assert metadata.finish_job(job.job_id, "alive", "done")

    def test_a_job_that_is_given_back_waits_again(self, metadata):
        job = metadata.enqueue_job(MigrationJob("events", BY_X))
        metadata.claim_job("me")
        metadata.heartbeat_job(job.job_id, "me", resume={"file": 1}, progress=0.25)
        assert metadata.release_job(job.job_id, "me")
        taken = metadata.claim_job("you")
        assert (taken.job_id, taken.progress, taken.resume) == (job.job_id, 0.25, {"file": 1})

    def test_a_cancelled_job_is_nobodys(self, metadata):
        job = metadata.enqueue_job(MigrationJob("events", BY_X))
        metadata.claim_job("me")
        assert metadata.cancel_job(job.job_id).state == "cancelled"
        assert not metadata.heartbeat_job(job.job_id, "me")
        assert metadata.claim_job("you", stale_after_seconds=-1) is None
        with pytest.raises(NotFoundError, match="no migration job 999"):
            metadata.cancel_job(999)


CLAIMANT = """
import sys
from parquetry.tuning import MetadataStore
store = MetadataStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
owner = sys.argv[2]
while (job := store.claim_job(owner)) is not None:
    print(job.job_id, flush=True)
    if job.job_id % 3:
        store.finish_job(job.job_id, owner, "done")
"""


def test_two_claimants_never_take_one_job(metadata, metadata_place):
    jobs = [metadata.enqueue_job(MigrationJob(f"table {n}", BY_X)).job_id for n in range(60)]
    claimants = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMANT, metadata_place, f"owner {n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for claimant in claimants:
        assert claimant.stdout.readline() == "ready\n"
    outputs = []
    for claimant in claimants:
        claimant.stdin.write("go\n")
        claimant.stdin.flush()
    for claimant in claimants:
        output, _ = claimant.communicate(timeout=120)
        assert claimant.returncode == 0
        outputs.append(list(map(int, output.split())))
    assert sorted(job for output in outputs for job in output) == jobs


def test_claimants_of_one_dataset_take_turns(metadata, metadata_place):
    for n in range(20):
        metadata.enqueue_job(MigrationJob("events", Layout(sort_by=(f"c{n}",))))
    taken, running, overlaps = [], [], []

    def work(owner):
        store = MetadataStore(metadata_place)
        misses = 0
        while misses < 200 and len(taken) < 20:
            job = store.claim_job(owner)
            if job is None:
                misses += 1
                continue
            running.append(job.job_id)
            overlaps.append(len(running))
            taken.append(job.job_id)
            running.remove(job.job_id)
            store.finish_job(job.job_id, owner, "done")
        store.close()

    threads = [threading.Thread(target=work, args=(f"owner {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 20
    assert set(overlaps) == {1}


WRITER = """
import sys, datetime as dt
from parquetry.tuning import MetadataStore
from parquetry.tuning.records import LoggedQuery, LoggedScan
store = MetadataStore(sys.argv[1])
for n in range(20):
    at = dt.datetime.now(dt.UTC)
    scan = LoggedScan("events")
    store.log_queries(
        [LoggedQuery(f"{sys.argv[2]}-{n}-{i}", at, "sql", "", "c", 1.0, 1, (scan,)) for i in range(10)]
    )
"""


def test_many_processes_open_and_fill_one_database(metadata_place):
    writers = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WRITER, metadata_place, str(n)])
        for n in range(5)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 5
    store = MetadataStore(metadata_place)
    assert store.count_queries("events") == 5 * 20 * 10
    store.close()


def test_a_store_survives_a_fork_and_pickling(metadata):
    metadata.save_state("events", 1)
    child = os.fork() if threading.active_count() == 1 else None
    if child == 0:
        try:
            metadata.save_state("events", 2)
            os._exit(0)
        finally:
            os._exit(1)
    if child is not None:
        assert os.waitpid(child, 0)[1] == 0
        assert metadata.state("events") == 2
    again = pickle.loads(pickle.dumps(metadata))
    assert again.state("events") == metadata.state("events")
    again.close()


@pytest.mark.parametrize("is_by_revisions", [True, False])
def test_the_revisions_lead_to_the_tables_that_a_new_database_gets(metadata_place, is_by_revisions):
    database = Database(metadata_place)
    if is_by_revisions:
        with database.writing() as connection:
            run_revisions(connection)
    MetadataStore(metadata_place).close()
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": False}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, TABLES) == []
        assert context.get_current_revision() == HEAD
    database.close()


class TestRefusals:
    def test_of_a_newer_database(self, metadata_place):
        MetadataStore(metadata_place).close()
        database = Database(metadata_place)
        with database.writing() as connection:
            connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        database.close()
        with pytest.raises(FormatVersionError, match=r"revision 9999.*Update parquetry"):
            MetadataStore(metadata_place)

    def test_of_tables_that_are_not_ours(self, metadata_place):
        database = Database(metadata_place)
        with database.writing() as connection:
            connection.execute(sa.text("CREATE TABLE layout (x INTEGER)"))
        with pytest.raises(RequestError, match="'layout' that parquetry did not make"):
            MetadataStore(metadata_place)
        with database.reading() as connection:
            assert sa.inspect(connection).get_table_names() == ["layout"]
        database.close()

    def test_of_a_file_that_is_no_database(self, tmp_path):
        path = tmp_path / "metadata.db"
        path.write_bytes(b"This is a shopping list, and not a database at all. " * 100)
        with pytest.raises(CorruptionError, match=r"no database.*datasets are not touched"):
            MetadataStore(path)
        assert path.read_bytes().startswith(b"This is a shopping list")

    def test_of_a_locked_one(self, tmp_path, monkeypatch):
        path = tmp_path / "metadata.db"
        store = MetadataStore(path)
        store.close()
        monkeypatch.setattr(store._database, "_lock_wait_seconds", 0.1)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConflictError, match="locked by somebody else"):
            store.save_state("events", 1)
        assert store.state("events") is None  # readers do not wait
        other.execute("ROLLBACK")
        other.close()
        store.save_state("events", 1)
        store.close()

    def test_of_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(StorageError, match=r"Its folder must exist"):
            MetadataStore(tmp_path / "nowhere" / "metadata.db")

    def test_of_a_database_that_may_only_be_read(self, tmp_path):
        path = tmp_path / "metadata.db"
        MetadataStore(path).close()
        store = MetadataStore(f"sqlite:///file:{path}?mode=ro&uri=true")
        assert store.tables() == []
        with pytest.raises(StorageError, match="may only be read here"):
            store.save_state("events", 1)
        store.close()

    @pytest.mark.usefixtures("postgres_server")
    def test_of_a_server_that_is_not_there_without_its_password(self, tmp_path):
        with pytest.raises(StorageError, match="Check that the database runs") as caught:
            MetadataStore(f"postgresql://somebody:secret@/nothing?host={tmp_path}")
        assert "secret" not in str(caught.value)

    def test_of_a_database_of_postgresql_that_was_not_made(self, postgres_server):
        with pytest.raises(StorageError, match="Make the database first, with createdb"):
            MetadataStore(postgres_server.format("nobody_made_it"))

    @pytest.mark.parametrize("url", ["mysql://a@b/c", "postgresql+nodriver://x/y", "://"])
    def test_of_a_url_that_cannot_be_used(self, url):
        with pytest.raises(ParameterError, match="Nothing was opened"):
            MetadataStore(url)

    def test_of_postgresql_without_its_driver(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(MissingDependencyError, match=r"parquetry\[postgres\]"):
            MetadataStore("postgresql://a@b/c")


def test_the_settings_say_where_it_is(tmp_path):
    store = MetadataStore(Config(metadata_db=str(tmp_path / "m.db")))
    assert store.place == str(tmp_path / "m.db")
    assert repr(store) == f"MetadataStore({store.place!r})"
    store.close()
