"""A dataset as a lazy frame: fresh at every collect, typed, pruned, and with errors of ours."""

from __future__ import annotations

import io
import pickle
import threading

import polars as pl
import pyarrow as pa
import pytest

from access.trees import put, source_of
from parquetry.access import polars_scan
from parquetry.access.observing import Route
from parquetry.access.polars_scan import scan
from parquetry.access.source import Source
from parquetry.errors import (
    ConflictError,
    CorruptionError,
    LayoutError,
    NotFoundError,
    RequestError,
)

ENGINES = pytest.mark.parametrize("engine", ["in-memory", "streaming"])


@pytest.fixture
def root(tmp_path):
    return tmp_path / "t"


@pytest.fixture
def source(root):
    for grid in "ab":
        for seed in range(3):
            put(root, f"grid={grid}/seed={seed}/x.parquet", {"v": [seed, seed + 10]})
    return source_of(root)


class Watcher:
    def __init__(self):
        self.seen = []

    def observed(self, observation):
        self.seen.append(observation)


@ENGINES
def test_one_frame_sees_every_change_when_it_is_collected(source, root, engine):
    frame = scan(source)
    total = frame.select(pl.len())
    assert total.collect(engine=engine).item() == 12
    put(root, "grid=c/seed=0/x.parquet", {"v": [1]})
    assert total.collect(engine=engine).item() == 13
    put(root, "grid=c/seed=1/x.parquet", {"v": [1], "new": ["x"]})
    assert "new" in frame.collect(engine=engine).columns
    assert frame.collect_schema().names()[-1] == "seed"


@ENGINES
def test_a_filter_on_keys_reads_only_their_files(source, engine):
    watcher = Watcher()
    frame = scan(source, observer=watcher)
    found = frame.filter((pl.col("grid") == "a") & pl.col("seed").is_in([0, 2]) & (pl.col("v") > 1))
    assert sorted(found.collect(engine=engine)["v"]) == [2, 10, 12]
    [seen] = watcher.seen
    assert seen.language == "polars"
    assert (seen.stats.files, seen.stats.rows) == (2, 3)
    assert {one.condition.column for one in seen.datasets[0].demands[0]} == {"grid", "seed", "v"}


@ENGINES
def test_selections_heads_and_joins_with_itself_work(source, engine):
    frame = scan(source)
    assert frame.select("seed").collect(engine=engine).width == 1
    assert frame.head(3).collect(engine=engine).height == 3
    assert frame.filter(pl.col("grid") == "b").head(1).collect(engine=engine)["grid"].item() == "b"
    joined = frame.filter(grid="a").join(frame.filter(grid="b"), on=["seed", "v"])
    assert joined.collect(engine=engine).height == 6
    grouped = frame.group_by("grid").agg(pl.col("v").sum()).sort("grid")
    assert grouped.collect(engine=engine).rows() == [("a", 36), ("b", 36)]
    lazily = pl.collect_all([frame.select(pl.len()), frame.select(pl.col("v").max())])
    assert [one.item() for one in lazily] == [12, 12]


def test_types_are_those_of_the_files(root):
    columns = {
        "category": pa.array(["a"]).dictionary_encode(),
        "zoned": pa.array([1], pa.timestamp("ns", "Europe/Zurich")),
        "lasting": pa.array([5], pa.duration("us")),
        "mapping": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "half": pa.array([1.5], pa.float16()),
        "fixed": pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
    }
    path = put(root, "x.parquet", pa.table(columns))
    frame = scan(source_of(root))
    assert frame.collect_schema() == pl.read_parquet_schema(path)
    assert frame.collect().equals(pl.read_parquet(path))


def test_united_types_are_the_smallest_that_hold_all(root):
    put(
        root,
        "a.parquet",
        pa.table({"v": pa.array([1], pa.int8()), "c": pa.array(["x"]).dictionary_encode()}),
    )
    put(root, "b.parquet", pa.table({"v": pa.array([300], pa.int32()), "c": ["y"], "w": [True]}))
    frame = scan(source_of(root))
    assert frame.collect_schema() == {"v": pl.Int32, "c": pl.String, "w": pl.Boolean}
    assert sorted(frame.collect().rows()) == [(1, "x", None), (300, "y", True)]


def test_a_frame_can_be_sent_to_another_process(source):
    frame = scan(source).filter(pl.col("grid") == "a").select(pl.col("v").sum())
    assert pickle.loads(pickle.dumps(frame)).collect().item() == 36
    content = frame.serialize()
    assert pl.LazyFrame.deserialize(io.BytesIO(content)).collect().item() == 36


def test_what_is_wrong_from_the_start_is_said_by_scan(root):
    with pytest.raises(NotFoundError, match="'t'"):
        scan(source_of(root))
    put(root, "k=1/x.parquet", {"v": [1]})
    put(root, "x.parquet", {"v": [1]})
    with pytest.raises(LayoutError):
        scan(source_of(root))


@ENGINES
def test_what_goes_wrong_later_is_said_by_collect_in_our_words(source, root, engine):
    frame = scan(source)
    broken = root / "grid=a/seed=1/x.parquet"
    content = broken.read_bytes()
    broken.write_bytes(content[:50])
    with pytest.raises(CorruptionError, match=r"grid=a/seed=1/x\.parquet"):
        frame.collect(engine=engine)
    broken.write_bytes(content)
    put(root, "stray.parquet", {"v": [1]})
    with pytest.raises(LayoutError):
        frame.collect(engine=engine)


@ENGINES
def test_a_question_that_the_rows_do_not_fit_is_no_corruption(root, engine):
    put(root, "x.parquet", {"v": ["one"]})
    with pytest.raises(RequestError, match="conversion"):
        scan(source_of(root)).filter(pl.col("v").cast(pl.Int64) > 0).collect(engine=engine)


def test_a_file_that_was_retired_after_listing_is_not_missed(source, root, monkeypatch):
    frame = scan(source).filter(pl.col("grid") == "a")
    listed = Source.listing
    lost = []

    def replaced(self, references=None):
        found = listed(self, references)
        if references is not None and not lost:
            lost.append(found.files[0])
            (root / "grid=a/seed=0/x.parquet").rename(root / "grid=a/seed=0/y.parquet")
        return found

    monkeypatch.setattr(Source, "listing", replaced)
    assert frame.collect().height == 6
    assert lost


def test_files_that_go_away_while_rows_are_handed_over_are_a_conflict(source, monkeypatch):
    whole = polars_scan._batches

    def interrupted(lazy, *rest):
        yield from whole(lazy.head(1), *rest)
        raise FileNotFoundError("No such file or directory (os error 2)")

    monkeypatch.setattr(polars_scan, "_batches", interrupted)
    with pytest.raises(ConflictError, match="collect again"):
        scan(source).collect()


def test_threads_share_one_frame(source):
    frame = scan(source).select(pl.col("v").sum())
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(frame.collect().item())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [72] * 8


def test_a_router_can_give_other_files(source, tmp_path):
    rows = pa.table({"v": [7], "grid": ["a"], "seed": pa.array([0], pa.int64())})
    replica = put(tmp_path, "replica", rows)

    class Router:
        def route(self, question):
            return Route((str(replica),), "layout_1") if question.demands[0] else None

    frame = scan(source, router=Router())
    assert frame.filter(seed=0).collect().rows() == [(7, "a", 0)]
    assert frame.collect().height == 12
