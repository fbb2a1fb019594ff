"""A sample is fair, is kept, and is taken anew when the dataset has become another."""

from __future__ import annotations

import datetime as dt
import itertools

import polars as pl
import pyarrow as pa
import pytest

from parquetry.dataset import Dataset
from parquetry.tuning.candidates.wishes import (
    find_wishes,
    fit_log,
    read_bytes_a_row,
    read_log,
)
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.costs.ledger import Ledger
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.records import LoggedQuery, LoggedScan
from parquetry.tuning.samples import Sample, sample_rows
from parquetry.tuning.sampling import find_sample, measure_extent
from tuning.orders import orders

from parquetry.access.sql_query import understand  # isort: skip


@pytest.fixture
def dataset(tmp_path):
    made = Dataset(tmp_path / "orders")
    made.append(orders(60_000), partition_by=["mode"])
    return made


def sample_of(dataset):
    return find_sample(dataset.source, measure_extent(dataset.files()))


def test_every_row_has_the_same_chance(dataset):
    sample = sample_of(dataset)
    assert sample.rows == 60_000
    assert sample.table.num_rows == pytest.approx(20_000, rel=0.05)
    days = pl.Series(sample.table["day"])
    early = (days < dt.date(2023, 12, 17)).mean()
    assert early == pytest.approx(0.5, abs=0.05)
    modes = pl.Series(sample.table["mode"]).value_counts()["count"]
    assert modes.min() > 0.8 * modes.max()


def test_a_sample_is_kept_until_the_dataset_has_grown_by_a_fifth(dataset):
    first = sample_of(dataset)
    dataset.append(orders(6_000, seed=8), partition_by=["mode"])
    second = sample_of(dataset)
    assert second.table.equals(first.table)
    assert second.rows == 66_000
    dataset.append(orders(12_000, seed=9), partition_by=["mode"])
    third = sample_of(dataset)
    assert not third.table.equals(first.table)
    assert third.table.num_rows == pytest.approx(20_000, rel=0.05)


def test_a_new_column_and_a_broken_sample_make_it_be_taken_anew(dataset):
    first = sample_of(dataset)
    extra = orders(100).with_columns(pl.lit(1).alias("new"))
    dataset.append(extra, partition_by=["mode"])
    second = sample_of(dataset)
    assert "new" in second.table.column_names
    with open(f"{dataset.source.home.state}/sample.pq", "wb") as file:
        file.write(b"nonsense")
    assert sample_of(dataset).table.equals(second.table)
    assert first.table.num_rows > 0


@pytest.mark.parametrize("codec", ["zstd", "snappy", "lz4", "uncompressed"])
def test_the_extent_of_files_tells_their_codec(codec, tmp_path):
    path = str(tmp_path / "data.parquet")
    orders(1_000).write_parquet(path, compression=codec)
    extent = measure_extent([path])
    assert extent.compression == ("none" if codec == "uncompressed" else codec)
    assert (extent.rows, extent.row_groups) == (1_000, 1)
    assert measure_extent([]).compression == ""


def test_columns_without_an_order_are_left_out(tmp_path):
    made = Dataset(tmp_path / "lists")
    made.append(pa.table({"a": [1, 2], "l": [[1], [2]], "s": [{"x": 1}, {"x": 2}]}))
    assert sample_of(made).table.column_names == ["a"]


def test_the_size_of_a_sample_is_twenty_rows_a_row_group_within_bounds():
    assert sample_rows(100) == 100
    assert sample_rows(1_000_000) == 20_000
    assert sample_rows(600_000_000) == 600_000_000 // 61_440 * 20
    assert sample_rows(10**12) == 2_000_000


_NUMBERS = itertools.count()


def logged(condition, at, latency_ms=10.0, columns=("price",), rows=None):
    demands = understand(f"SELECT * FROM orders WHERE {condition}", {}, ["orders"]).demands(
        "orders", {}
    )
    scan = LoggedScan("orders", demands=tuple(map(tuple, demands)), columns=columns, rows=rows)
    return LoggedQuery(f"q{next(_NUMBERS)}", at, "sql", "…", "kind", latency_ms, 1, (scan,))


def test_wishes_weigh_less_the_older_they_are_and_keep_what_no_layout_changes(dataset):
    sample = sample_of(dataset)
    now = dt.datetime(2024, 5, 8, tzinfo=dt.UTC)
    log = [logged("customer = 5", now), logged("mode = 'AIR'", now - dt.timedelta(days=7))]
    new, old = find_wishes(readings(log, dataset, sample), Constants(), now)
    assert (new.weight, old.weight) == (1.0, 0.5)
    assert new.cluster_id == "kind"
    assert 0 < new.rest_seconds < 0.01
    assert old.rest_seconds > new.rest_seconds  # it reads one file in five
    assert read_log(log, "others", Ledger(sample), {}) == []


def readings(log, dataset, sample):
    """Read a log of questions that the dataset's own files have answered."""
    ledger = Ledger(sample)

    def own():
        return present_groups(dataset.source.listing(), sample, ledger.columns)

    works = {"initial": lambda numbers: ledger.works_in("own", own, numbers)}
    return read_log(log, "orders", ledger, works)


def test_the_columns_that_a_question_reads_decide_its_bytes(dataset):
    extent = measure_extent(dataset.files())
    sample = Sample(pa.table({"a": [1]}), extent.rows, extent.bytes, extent.bytes_by_column)
    now = dt.datetime(2024, 5, 8, tzinfo=dt.UTC)
    [few] = logged("customer = 5", now).scans
    [unknown] = logged("customer = 5", now, columns=None).scans
    sizes = extent.bytes_by_column
    assert read_bytes_a_row(few, sample) == (sizes["customer"] + sizes["price"]) / extent.rows
    assert read_bytes_a_row(unknown, sample) > 0


def test_the_log_tells_the_constants(dataset):
    sample = sample_of(dataset)
    now = dt.datetime(2024, 5, 8, tzinfo=dt.UTC)
    slow = [
        logged("customer = 5", now, 5_000.0, rows=1),
        logged("mode = 'AIR'", now, 1_000.0, rows=10),
    ] * 20
    found = fit_log(readings(slow, dataset, sample))
    assert found.row > Constants().row
    unmeasured = [logged("customer = 5", now, 5_000.0)] * 20
    assert fit_log(readings(unmeasured, dataset, sample)) == Constants()
    assert fit_log([]) == Constants()
