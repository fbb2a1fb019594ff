"""A dataset as it can be read now: fresh, of one moment, and no more looked at than needed."""

from __future__ import annotations

import os
import pickle
import shutil
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access.trees import DUCK, CountingStorage, ask, by_scan, by_sql, put, source_of
from parquetry.access.conditions import Comparison, Demand
from parquetry.commits.home import Home
from parquetry.commits.kept_schema import keep_schema
from parquetry.commits.log import find_latest
from parquetry.errors import LayoutError, NotFoundError
from parquetry.model.partitions import PartitionFilter
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store" / "t"


def plant(root, grids=5, seeds=3):
    for grid in range(grids):
        for seed in range(seeds):
            rows = {"grid": [f"g{grid}"], "seed": [seed], "v": [grid * 10 + seed]}
            put(root, f"grid=g{grid}/seed={seed}/x.parquet", rows)


def keep(root, columns, keys):
    home = Home.of(root)
    home.prepare(DISK)
    keep_schema(home, DISK, columns, keys)


def demand(column, value):
    return [[Demand(Comparison(column, "=", value))]]


def test_files_are_absolute_paths_that_a_filter_narrows(root):
    plant(root)
    source = source_of(root)
    assert len(source.files()) == 15
    narrow = source.files(PartitionFilter(exact={"grid": frozenset(["g1"])}))
    assert [os.path.relpath(path, root) for path in narrow] == [
        f"grid=g1/seed={seed}/x.parquet" for seed in range(3)
    ]


def test_columns_are_those_of_the_files_then_the_keys_of_the_paths(root):
    put(root, "k=1/l=a/x.parquet", {"v": [1], "l": ["a"]})
    source = source_of(root)
    assert source.schema() == pa.schema([("v", pa.int64()), ("l", pa.string()), ("k", pa.int64())])
    assert source.keys() == {"k": pa.int64(), "l": pa.string()}


def test_what_somebody_else_adds_changes_and_takes_away_is_seen_at_once(root):
    put(root, "k=1/a.parquet", {"v": [1]})
    source = source_of(root)
    for read in (by_sql, by_scan):
        assert read(source) == [(1, 1)]
        put(root, "k=1/b.parquet", {"v": [2]})
        put(root, "k=2/c.parquet", {"v": [3]})
        assert read(source) == [(1, 1), (2, 1), (3, 2)]
        put(root, "k=1/a.parquet", {"v": [4]})
        assert read(source) == [(2, 1), (3, 2), (4, 1)]
        (root / "k=1/b.parquet").unlink()
        shutil.rmtree(root / "k=2")
        assert read(source) == [(4, 1)]
        put(root, "k=1/a.parquet", {"v": [1]})


def test_a_file_that_is_written_over_in_place_is_not_cast_in_silence(root):
    path = put(root, "a.parquet", {"v": pa.array([1], pa.int32())})
    put(root, "b.parquet", {"v": pa.array([2], pa.int32())})
    os.utime(path, (1, 1))
    os.utime(root, (1, 1))
    source = source_of(root)
    assert by_sql(source) == [(1,), (2,)]
    folder = root.stat().st_mtime_ns
    with path.open("wb") as file:
        pq.write_table(pa.table({"v": [2.5], "w": ["new"]}), file)
    assert root.stat().st_mtime_ns == folder
    for read in (by_sql, by_scan):
        assert read(source) == [(2.0, None), (2.5, "new")]


def test_a_key_stays_text_when_one_folder_is_no_number(root):
    put(root, "k=1/x.parquet", {"v": [1]})
    source = source_of(root)
    assert ask(source, "select k from t").fetchall() == [(1,)]
    put(root, "k=one/x.parquet", {"v": [2]})
    assert by_sql(source) == [(1, "1"), (2, "one")]
    assert source.keys() == {"k": pa.string()}


def test_only_the_folders_of_the_wanted_partition_are_touched(root):
    plant(root)
    keep(
        root,
        pa.schema([("grid", pa.string()), ("seed", pa.int64()), ("v", pa.int64())]),
        ("grid", "seed"),
    )
    disk = CountingStorage()
    source = source_of(root, disk)
    listing = source.listing(demand("grid", "g4"))
    assert len(listing.files) == 3
    touched = {os.path.relpath(path, root) for path in disk.touched if path.startswith(str(root))}
    assert touched == {".", "grid=g4", *(f"grid=g4/seed={n}" for n in range(3))}
    assert listing.keys == {"grid": pa.string(), "seed": pa.int64()}
    nowhere = source.listing(demand("grid", "g9"))
    assert (nowhere.files, nowhere.columns.names) == ([], ["grid", "seed", "v"])


def test_keys_whose_types_are_not_kept_are_told_by_a_file(root):
    plant(root)
    keep(root, pa.schema([("seed", pa.int64()), ("v", pa.int64())]), ("grid", "seed"))
    disk = CountingStorage()
    listing = source_of(root, disk).listing(demand("grid", "g4"))
    assert (len(listing.files), listing.keys["grid"]) == (3, pa.string())
    assert any(path.endswith("grid=g0/seed=0") for path in disk.touched)


def test_a_folder_whose_name_is_none_of_the_kept_type_is_not_passed_over(root):
    put(root, "k=1/x.parquet", {"v": [1]})
    keep(root, pa.schema([("k", pa.int64()), ("v", pa.int64())]), ("k",))
    put(root, "k=one/x.parquet", {"v": [2]})
    with pytest.raises(LayoutError, match="one"):
        ask(source_of(root), "select v from t where k = 1")


def test_a_dataset_of_others_is_looked_through_once(root):
    plant(root)
    disk = CountingStorage()
    source = source_of(root, disk)
    source.listing(demand("grid", "g4"))
    assert any("grid=g3/seed=2" in path for path in disk.touched)
    disk.touched.clear()
    source.listing(demand("grid", "g4"))
    assert not any("grid=g3" in path for path in disk.touched)


def test_the_columns_of_an_answer_do_not_depend_on_what_is_read_for_it(root):
    put(root, "k=1/x.parquet", {"v": [1]})
    put(root, "k=2/x.parquet", {"v": [2], "w": ["x"]})
    answer = ask(source_of(root), "select * from t where k = 1")
    assert answer.stats.files == 1
    assert answer.columns == ["v", "w", "k"]
    assert answer.fetchall() == [(1, None, 1)]


def test_a_column_that_came_elsewhere_meanwhile_is_found_by_its_name(root):
    put(root, "k=1/x.parquet", {"k": [1], "v": [1]})
    keep(root, pa.schema([("k", pa.int64()), ("v", pa.int64())]), ("k",))
    source = source_of(root)
    assert ask(source, "select v from t where k = 1").fetchall() == [(1,)]
    put(root, "k=2/x.parquet", {"k": [2], "v": [2], "w": ["x"]})
    assert ask(source, "select w from t where k = 1").fetchall() == [(None,)]


def test_keys_of_our_own_datasets_are_read_from_the_files(root):
    plant(root)
    listing = source_of(root).listing()
    assert listing.path_values.column_names == ["grid", "seed"]
    keep(root, listing.columns, ("grid", "seed"))
    listing = source_of(root).listing()
    assert listing.path_values.column_names == []
    assert by_sql(source_of(root))[-1] == ("g4", 2, 42)


def test_an_empty_dataset_with_kept_columns_is_empty_and_has_them(root):
    keep(root, pa.schema([("k", pa.int64()), ("v", pa.duration("us"))]), ("k",))
    for exists in (False, True):
        source = source_of(root)
        answer = ask(source, "from t")
        assert (answer.columns, answer.fetchall()) == (["k", "v"], [])
        assert by_scan(source) == []
        assert source.schema().names == ["k", "v"]
        if not exists:
            root.mkdir()


def test_a_dataset_that_goes_away_is_not_found(root):
    plant(root)
    source = source_of(root)
    source.listing()
    shutil.rmtree(root)
    with pytest.raises(NotFoundError, match="'t'"):
        source.listing()


def test_a_source_survives_pickling_and_finds_the_same(root):
    plant(root)
    source = source_of(root)
    source.listing()
    assert by_sql(pickle.loads(pickle.dumps(source))) == by_sql(source)


def test_a_commit_that_is_under_way_is_waited_for(root):
    plant(root, 1, 1)
    home = Home.of(root)
    home.prepare(DISK)
    source = source_of(root)
    found = []
    with DISK.lock(home.lock):
        reader = threading.Thread(target=lambda: found.append(source.files()))
        reader.start()
        reader.join(0.2)
        assert not found
        put(root, "grid=g0/seed=1/x.parquet", {"grid": ["g0"], "seed": [1], "v": [1]})
    reader.join(10)
    assert len(found[0]) == 2


def test_readers_do_not_wait_for_each_other(root):
    plant(root, 1, 1)
    home = Home.of(root)
    home.prepare(DISK)
    with DISK.lock(home.lock):
        pass
    with DISK.lock(home.lock, shared=True):
        assert len(source_of(root).files()) == 1


def test_the_log_is_read_once_while_nothing_is_committed(root, monkeypatch):
    plant(root, 1, 1)
    home = Home.of(root)
    home.prepare(DISK)
    os.utime(home.log, (1, 1))
    looks = []
    monkeypatch.setattr(
        "parquetry.commits.settling.find_latest",
        lambda *args: looks.append(args) or find_latest(*args),
    )
    source = source_of(root)
    source.files()
    source.files()
    assert len(looks) == 1
    os.utime(home.log, (2, 2))
    source.files()
    assert len(looks) == 2


def test_hard_links_inside_a_dataset_are_refused(root):
    path = put(root, "k=1/x.parquet", {"v": [1]})
    (root / "k=2").mkdir()
    os.link(path, root / "k=2" / "y.parquet")
    with pytest.raises(LayoutError, match="count twice"):
        source_of(root).listing()


def test_a_folder_with_a_quote_in_every_name_is_read(tmp_path):
    root = tmp_path / 'it\'s "odd" 東京' / 'it\'s a "set"'
    put(root, 'ke\'y="v"/fi\'le "1".parquet', {'co\'l "umn"': [1], "naïve": [2]})
    source = source_of(root)
    answer = DUCK.run('select * from "it\'s a ""set"""', {root.name: source})
    assert answer.columns == ['co\'l "umn"', "naïve", "ke'y"]
    assert answer.fetchall() == [(1, 2, '"v"')]
    assert by_scan(source) == [(1, 2, '"v"')]
