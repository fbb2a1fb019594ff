"""What an observer is told of each dataset, and what happens to a route that leads nowhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access.trees import DUCK, put, source_of
from parquetry.access.observing import Route
from parquetry.access.polars_scan import scan
from parquetry.errors import ConflictError, CorruptionError, UnknownColumnError

GROUP_ROWS = 1_000
GROUPS = 10


class Watcher:
    def __init__(self):
        self.seen = []

    def observed(self, observation):
        self.seen.append(observation)


class Guide:
    """A router that always knows the same way, and notes where it failed."""

    def __init__(self, *files):
        self.way = Route(tuple(map(str, files)), "layout_1", is_exploration=True, reason="to try")
        self.failures = []

    def route(self, _question):
        return self.way

    def failed(self, _question, route):
        self.failures.append(route)


def numbers(root, name):
    """A dataset of two files, each of ten row groups, sorted by x."""
    (root / name).mkdir(parents=True)
    for file in range(2):
        x = np.arange(file * GROUPS * GROUP_ROWS, (file + 1) * GROUPS * GROUP_ROWS)
        rows = pa.table({"x": x, "s": [f"v{i % 7}" for i in x], "more": x})
        pq.write_table(rows, root / name / f"{file}.parquet", row_group_size=GROUP_ROWS)
    return source_of(root / name)


@pytest.fixture
def sources(tmp_path):
    return {name: numbers(tmp_path, name) for name in ("big", "other")}


def reads_of(sql, sources, **options):
    watcher = Watcher()
    DUCK.run(sql, sources, observer=watcher, **options)
    [seen] = watcher.seen
    return seen, {read.name: read for read in seen.datasets}


def test_row_groups_are_told_for_each_dataset_of_a_join(sources):
    sql = "select count(*) from big join other using (x) where big.x < 1500 and other.s = 'v1'"
    seen, reads = reads_of(sql, sources)
    assert reads["big"].row_groups_read == 2
    assert reads["big"].row_groups_total == reads["other"].row_groups_total == 2 * GROUPS
    assert seen.stats.row_groups_total == 4 * GROUPS


def test_a_dataset_that_is_read_twice_counts_twice(sources):
    sql = "select (select count(s) from big where x < 10), (select max(s) from big where x > 19990)"
    _, reads = reads_of(sql, sources)
    assert (reads["big"].row_groups_read, reads["big"].row_groups_total) == (2, 4 * GROUPS)
    assert len(reads["big"].demands) == 2


def test_a_top_n_counts_its_row_groups_once(sources):
    sql = "select * from big where x between 5000 and 6999 order by s, x limit 3"
    seen, reads = reads_of(sql, sources)
    assert (reads["big"].row_groups_read, reads["big"].row_groups_total) == (2, 2 * GROUPS)
    assert seen.stats.row_groups_read == 2


def test_files_that_the_query_names_itself_belong_to_no_dataset(sources, tmp_path):
    sql = f"select count(s) from big where x in (select x from '{tmp_path}/other/0.parquet')"
    seen, reads = reads_of(sql, sources)
    assert set(reads) == {"big"}
    assert reads["big"].row_groups_total == 2 * GROUPS
    assert seen.stats.row_groups_total == 3 * GROUPS


def test_rows_are_those_that_fulfil_what_is_tested_while_reading(sources):
    _, reads = reads_of("select count(s) from big where x < 1500", sources)
    assert reads["big"].rows == 1500


def test_a_comma_in_a_file_name_confuses_nobody(tmp_path):
    put(tmp_path, "odd/a, b [1].parquet", {"v": [1, 2]})
    _, reads = reads_of("select sum(v) from odd", {"odd": source_of(tmp_path / "odd")})
    assert reads["odd"].row_groups_total == 1


def test_the_parameters_of_a_query_are_told(sources):
    seen, _ = reads_of("select sum(x) from big where s = ?", sources, parameters=["v1"])
    assert seen.parameters == ["v1"]


def test_a_route_is_told_with_its_reason(sources, tmp_path):
    guide = Guide(put(tmp_path, "copy.pq", {"x": [1], "s": ["v1"]}))
    _, reads = reads_of("select x from big", sources, router=guide)
    read = reads["big"]
    assert (read.layout, read.is_exploration, read.reason) == ("layout_1", True, "to try")
    _, reads = reads_of("select x from big", sources)
    assert (reads["big"].layout, reads["big"].is_exploration) == ("initial", False)


@pytest.mark.parametrize("harm", ["gone", "no parquet", "torn page"])
def test_a_route_whose_files_are_broken_costs_nothing_but_time(sources, tmp_path, harm):
    path = tmp_path / "copy.pq"
    rows = pa.table({"x": np.random.default_rng(0).integers(0, 10**9, 5000), "s": ["v"] * 5000})
    pq.write_table(rows, path, compression="zstd")
    if harm == "gone":
        path.unlink()
    elif harm == "no parquet":
        path.write_bytes(b"PAR1 and then nothing")
    else:
        content = bytearray(path.read_bytes())
        content[100:8000] = b"\xff" * 7900
        path.write_bytes(content)
    guide = Guide(path)
    seen, reads = reads_of("select sum(x), count(s) from big", sources, router=guide)
    assert reads["big"].layout == "initial"
    assert seen.stats.rows == 1
    assert guide.failures == [guide.way]
    watcher = Watcher()
    frame = scan(sources["big"], router=guide, observer=watcher)
    assert frame.select(pl.len(), pl.col("x").sum()).collect().row(0)[0] == 2 * GROUPS * GROUP_ROWS
    assert [seen.datasets[0].layout for seen in watcher.seen] == ["initial"]
    assert len(guide.failures) == 2


def test_a_wrong_query_is_not_the_fault_of_a_route(sources, tmp_path):
    guide = Guide(put(tmp_path, "copy.pq", {"x": [1], "s": ["v1"]}))
    with pytest.raises(UnknownColumnError):
        DUCK.run("select nothing from big", sources, router=guide)
    assert guide.failures == []


def test_a_scan_tells_which_columns_it_wanted(sources):
    watcher = Watcher()
    scan(sources["big"], observer=watcher).filter(pl.col("x") < 5).select("s").collect()
    [seen] = watcher.seen
    assert "s" in seen.datasets[0].columns
    assert "more" not in seen.datasets[0].columns
    assert seen.datasets[0].demands[0][0].condition.column == "x"


def test_a_route_that_breaks_while_rows_are_handed_over_is_told_to_the_router(
    sources, tmp_path, monkeypatch
):
    from parquetry.access import polars_scan

    guide = Guide(put(tmp_path, "copy.pq", {"x": [1, 2], "s": ["v1", "v2"]}))
    whole = polars_scan._batches

    def interrupted(lazy, *rest):
        yield from whole(lazy.head(1), *rest)
        raise pl.exceptions.ComputeError("parquet: out of specification")

    monkeypatch.setattr(polars_scan, "_batches", interrupted)
    with pytest.raises((ConflictError, CorruptionError)):
        scan(sources["big"], router=guide).collect()
    assert guide.failures == [guide.way]
