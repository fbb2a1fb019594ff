"""A replica answers only for files that are unchanged; whatever happens, the answer is the dataset's."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry import Store
from parquetry.access.observing import Question
from parquetry.access.polars_scan import scan
from parquetry.commits.dead_layouts import MANIFEST
from parquetry.commits.home import Home
from parquetry.dataset import Dataset
from parquetry.errors import ConflictError, CorruptionError, FormatVersionError, NotFoundError
from parquetry.model.layouts import Layout
from parquetry.storage.local import LocalStorage
from parquetry.tuning.replicas.folder import find_manifest, retire_replica
from parquetry.tuning.replicas.manifest import Manifest
from parquetry.tuning.replicas.state import replica_states
from parquetry.tuning.routing.router import ReplicaRouter
from tuning.replicas import DUCK, ask, eager_router, make_replica

LAYOUT = Layout(sort_by=("n",), row_group_rows=100)
ID = LAYOUT.layout_id
DISK = LocalStorage()


def rows(start, count, day="a"):
    return pa.table(
        {"day": [day] * count, "n": [(i * 7919) % 1000 for i in range(start, start + count)]}
    )


@pytest.fixture
def dataset(tmp_path):
    found = Dataset(tmp_path / "t")
    for day in "ab":
        for part in range(2):
            found.append(rows(500 * part, 500, day), partition_by=["day"])
    return found


def routed(dataset, sql="FROM t", router=None):
    """Ask by a route and without; return which layout answered, and how many files it read."""
    router = router or eager_router()
    found = ask(dataset.source, sql, router)
    assert found[:2] == ask(dataset.source, sql)[:2]
    return found[2][0]


def files_for(dataset, demand_sql, router):
    """Return the files that a question is sent to."""
    from parquetry.access.sql_query import understand

    demands = understand(demand_sql, {}, ["t"]).demands("t", {})
    route = router.route(Question(dataset.source, demand_sql, tuple(map(tuple, demands))))
    return [os.path.relpath(path, os.path.dirname(dataset.path)) for path in route.files]


def overwrite(path, table):
    """Write other rows under the same name, into the same inode, in the same size."""
    size = os.path.getsize(path)
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="none", use_dictionary=False)
    bytes_ = content.getvalue().to_pybytes()
    with open(path, "r+b") as file:
        file.write(bytes_)
        file.truncate()
    return size == len(bytes_)


def test_an_unchanged_dataset_is_answered_from_its_replica(dataset):
    make_replica(dataset.path, LAYOUT)
    for sql in ("FROM t", "FROM t WHERE n = 7", "SELECT count(*) FROM t WHERE day = 'a'"):
        assert routed(dataset, sql) == ID
    plain, found = scan(dataset.source), scan(dataset.source, router=eager_router())
    wanted = plain.filter(pl.col("n") < 9).collect().sort("day", "n")
    assert found.filter(pl.col("n") < 9).collect().sort("day", "n").equals(wanted)


def test_the_cheapest_layout_is_taken_and_the_reason_said(dataset):
    make_replica(dataset.path, LAYOUT)
    other = Layout(sort_by=("day", "n"), row_group_rows=100)
    make_replica(dataset.path, other)
    router = ReplicaRouter()
    assert routed(dataset, "FROM t WHERE n = 7", router) == ID
    demands = ((),)
    route = router.route(Question(dataset.source, "", demands))
    assert route.layout == "initial" or "lowest predicted cost" in route.reason


def test_appended_files_are_read_with_the_replica(dataset):
    make_replica(dataset.path, LAYOUT)
    dataset.append(rows(0, 3, "c"))
    router = eager_router()
    assert routed(dataset, router=router) == ID
    files = files_for(dataset, "FROM t", router)
    assert sum(file.startswith("t/") for file in files) == 1
    make_replica(dataset.path, LAYOUT, mode="incremental")
    assert not any(file.startswith("t/") for file in files_for(dataset, "FROM t", router))


def test_a_foreign_file_is_read_with_the_replica_if_it_holds_its_keys(dataset):
    make_replica(dataset.path, LAYOUT)
    pq.write_table(rows(0, 5, "b"), f"{dataset.path}/day=b/dropped.parquet")
    assert routed(dataset) == ID
    pq.write_table(rows(0, 5, "b").drop(["day"]), f"{dataset.path}/day=b/keyless.parquet")
    assert routed(dataset) == "initial"
    assert routed(dataset, "FROM t WHERE day = 'a'") == ID


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset: dataset.delete(pl.col("n") == 7),
        lambda dataset: dataset.update(pl.col("n") == 7, {"n": 1_000_000}),
        lambda dataset: dataset.upsert(
            pa.table({"day": ["a"], "n": [0], "v": [1]}), on=["day", "n"], evolve=True
        ),
        lambda dataset: dataset.compact(),
        lambda dataset: dataset.restore(2),
        lambda dataset: os.unlink(dataset.files()[0]),
        lambda dataset: os.rename(dataset.files()[0], f"{dataset.files()[0]}.old"),
        lambda dataset: overwrite(dataset.files()[0], rows(1, 500)),
    ],
    ids=["delete", "update", "upsert", "compact", "restore", "unlink", "rename", "overwrite"],
)
def test_a_changed_source_is_never_answered_from_the_replica(dataset, change):
    make_replica(dataset.path, LAYOUT)
    router = eager_router()
    assert routed(dataset, router=router) == ID
    change(dataset)
    assert routed(dataset, router=router) == "initial"
    assert replica_states(Home.of(dataset.path), DISK)[ID].stale_pieces == 1
    for mode in ("incremental", "full"):
        make_replica(dataset.path, LAYOUT, mode=mode)
        assert routed(dataset, router=router) == ID
        assert replica_states(Home.of(dataset.path), DISK)[ID].is_fresh


def test_an_overwrite_of_the_same_size_right_after_the_making_is_noticed(dataset):
    path = f"{dataset.path}/day=a/plain.parquet"
    pq.write_table(rows(0, 50), path, compression="none", use_dictionary=False)
    make_replica(dataset.path, LAYOUT)
    assert overwrite(path, rows(1, 50))
    assert routed(dataset) == "initial"


def test_changes_in_folders_that_a_question_cannot_concern_do_not_matter_to_it(dataset):
    make_replica(dataset.path, LAYOUT)
    dataset.delete((pl.col("day") == "b") & (pl.col("n") < 500))
    router = eager_router()
    assert routed(dataset, "FROM t WHERE day = 'a'", router) == ID
    assert routed(dataset, "FROM t WHERE day = 'b'", router) == "initial"
    assert routed(dataset, "FROM t WHERE day IN ('a', 'b') AND n = 3", router) == "initial"


def test_only_pieces_that_are_stale_are_read_from_the_dataset(dataset):
    make_replica(dataset.path, LAYOUT, mode="incremental", batch_bytes=1)
    home = Home.of(dataset.path)
    assert len(find_manifest(home, DISK, ID).pieces) == 4
    os.unlink(dataset.files()[0])
    router = eager_router()
    assert routed(dataset, router=router) == ID
    files = files_for(dataset, "FROM t", router)
    assert sum(file.startswith("t/") for file in files) == 0
    assert len(files) == 3


def test_files_without_rows_of_use_are_left_out(dataset):
    layout = Layout(sort_by=("n",), row_group_rows=100, target_file_bytes=1_000)
    make_replica(dataset.path, layout)
    router = eager_router()
    everything = files_for(dataset, "FROM t", router)
    assert len(everything) > 3
    assert len(files_for(dataset, "FROM t WHERE n = 7", router)) == 1
    assert len(files_for(dataset, "FROM t WHERE n = 7 OR n = 900", router)) <= 3
    assert routed(dataset, "FROM t WHERE n = -1", router) == layout.layout_id


def test_values_that_only_python_takes_for_equal_are_told_apart(dataset):
    layout = Layout(sort_by=("n",), row_group_rows=100, target_file_bytes=1_000)
    make_replica(dataset.path, layout)
    router = eager_router()
    for condition in ("n = 1", "n = true", "n = 1.0", "n = 1.5", "n IN (1, 2)", "n IN (true)"):
        assert routed(dataset, f"FROM t WHERE {condition}", router) == layout.layout_id


def test_new_columns_and_new_types_are_answered_rightly(dataset):
    make_replica(dataset.path, LAYOUT)
    dataset.append(rows(0, 2).append_column("extra", [["x", "y"]]))
    assert routed(dataset) == ID
    assert routed(dataset, "SELECT extra, count(*) FROM t GROUP BY extra") == ID
    pq.write_table(
        pa.table({"day": ["b"], "n": pa.array([2**40], pa.int64()), "late": [1]}),
        f"{dataset.path}/day=b/late.parquet",
    )
    assert routed(dataset) == ID
    routed(dataset, "SELECT max(late) FROM t")
    routed(dataset, "SELECT max(late) FROM t WHERE day = 'b'")


def test_keys_that_change_their_type_by_a_new_folder_are_not_routed(tmp_path):
    for key in ("1", "2"):
        (tmp_path / f"t/k={key}").mkdir(parents=True)
        pq.write_table(pa.table({"n": [int(key)]}), tmp_path / f"t/k={key}/a.parquet")
    dataset = Dataset(tmp_path / "t")
    make_replica(dataset.path, LAYOUT)
    assert routed(dataset) == ID
    (tmp_path / "t/k=x").mkdir()
    pq.write_table(pa.table({"n": [3]}), tmp_path / "t/k=x/a.parquet")
    assert routed(dataset) == "initial"


def test_the_past_and_pins_are_read_from_their_own_files(dataset):
    make_replica(dataset.path, LAYOUT)
    past = dataset.at(2)
    assert ask(past.source, "FROM t", eager_router())[2] == ["initial"]
    assert sum(ask(past.source, "FROM t", eager_router())[1].values()) == 1_000


def test_a_lost_file_of_a_replica_costs_a_second_look_and_no_answer(dataset, tmp_path):
    layout = Layout(sort_by=("n",), row_group_rows=100, target_file_bytes=1_000)
    make_replica(dataset.path, layout)
    router = eager_router()
    assert routed(dataset, router=router) == layout.layout_id
    lost = sorted((tmp_path / ".parquetry").rglob("*.pq"))[2]
    lost.unlink()
    assert routed(dataset, router=router) == "initial"
    assert routed(dataset, "FROM t WHERE n = 7", router) == "initial"
    make_replica(dataset.path, LAYOUT)
    assert routed(dataset, router=router) == ID


def test_a_retired_replica_is_out_of_use_at_once_and_vacuumed(dataset, tmp_path):
    make_replica(dataset.path, LAYOUT)
    router = eager_router()
    assert routed(dataset, router=router) == ID
    assert retire_replica(Home.of(dataset.path), DISK, ID)
    assert not retire_replica(Home.of(dataset.path), DISK, ID)
    assert routed(dataset, router=router) == "initial"
    notes = [finding.kind for finding in dataset.check().findings]
    assert notes.count("layout-leftover") == 1
    plan = dataset.plan_vacuum()
    assert len(plan.layouts) == 1
    report = dataset.vacuum()
    assert report.layouts_removed == 1
    assert report.bytes_freed > 0
    assert not list(tmp_path.rglob("*.pq"))
    assert "layout-leftover" not in [finding.kind for finding in dataset.check().findings]


def test_vacuum_removes_what_a_refresh_left_and_keeps_the_replica(dataset, tmp_path):
    make_replica(dataset.path, LAYOUT)
    dataset.append(rows(0, 3, "c"))
    make_replica(dataset.path, LAYOUT, mode="incremental")
    dataset.append(rows(3, 3, "c"))
    make_replica(dataset.path, LAYOUT, mode="incremental")
    before = set(tmp_path.rglob("*.pq"))
    dataset.vacuum()
    assert len(set(tmp_path.rglob("*.pq"))) < len(before)
    assert routed(dataset) == ID


def test_a_manifest_that_cannot_be_read_is_no_replica(dataset, tmp_path):
    make_replica(dataset.path, LAYOUT)
    path = next(tmp_path.rglob(MANIFEST))
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(CorruptionError, match="make the replica again"):
        Manifest.from_json(path.read_bytes(), str(path))
    assert routed(dataset) == "initial"
    path.write_bytes(content.replace(b'"format":1', b'"format":9', 1))
    with pytest.raises(FormatVersionError, match="Update parquetry"):
        Manifest.from_json(path.read_bytes(), str(path))
    assert routed(dataset) == "initial"


def test_experiments_with_their_parameters_are_answered_from_a_replica(tmp_path):
    store = Store(tmp_path)

    dataset = store.dataset("events")
    for seed in range(3):
        dataset.append(
            pa.table({"grid_id": ["g1"] * 50, "seed": [seed] * 50, "n": list(range(50))}),
            partition_by=["grid_id", "seed"],
        )
    make_replica(dataset.path, LAYOUT)
    assert routed(dataset, "SELECT seed, sum(n) FROM t WHERE seed = 1 GROUP BY seed") == ID


MARKER = 5_000_000


class Turmoil:
    """A writer, a maker of replicas and askers at once; the first to fail stops them all."""

    def __init__(self, dataset):
        self.dataset = dataset
        self.stop = threading.Event()
        self.committed = 0
        self.seen: Counter[str] = Counter()

    def write(self):
        """Add a row, and raise its number by one commit after the other."""
        handle = Dataset(self.dataset.path)
        handle.append(pa.table({"day": ["a"], "n": [MARKER + 1]}))
        self.committed = 1
        for number in range(2, 16):
            handle.update(pl.col("n") > MARKER, {"n": MARKER + number}, retries=50)
            self.committed = number
        self.stop.set()

    def keep_replica(self):
        while not self.stop.is_set():
            with suppress(ConflictError, NotFoundError):
                make_replica(self.dataset.path, LAYOUT, mode="incremental")

    def question(self):
        """Ask which number the row has: it is that of a commit which was the last at some moment."""
        router = eager_router()
        source = Dataset(self.dataset.path).source
        sql = f"SELECT coalesce(max(n), {MARKER}) AS n, count(*) AS rows FROM t WHERE n > {MARKER}"
        while not self.stop.is_set():
            before = self.committed
            found = DUCK.run(sql, {"t": source}, observer=self, router=router).fetchall()
            [(number, count)] = found
            assert before <= number - MARKER <= self.committed + 1
            assert count == (number > MARKER)

    def observed(self, observation):
        self.seen[observation.datasets[0].layout] += 1

    def run(self, work):
        try:
            work()
        finally:
            self.stop.set()


def test_routing_to_a_stale_replica_is_impossible_while_others_change_everything(dataset):
    make_replica(dataset.path, LAYOUT)
    turmoil = Turmoil(dataset)
    works = [turmoil.write, turmoil.keep_replica, turmoil.question, turmoil.question]
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(turmoil.run, work) for work in works]:
            done.result()
    assert turmoil.seen[ID]
    assert turmoil.committed == 15
