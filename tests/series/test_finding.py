"""Parquet first, text if there is none, and never a surprise between the two."""

from __future__ import annotations

import os

import numpy as np
import pytest

from parquetry.errors import CorruptionError, NotFoundError, SchemaMismatchError, StorageError
from parquetry.series.converting import write_series
from parquetry.series.finding import StaleSeriesWarning, find_series, open_series
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.structures import (
    ScenarioSeriesData,
    TimeScenarioSeriesData,
    TimeSeriesData,
)
from parquetry.series.texts import read_text

VALUES = np.array([[1.0, 2.5], [3.0, -4.0]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("load.txt", "1 2.5\n3\t-4\n"),
        ("load.txt", "  1   2.5  \r\n3 -4\r\n\r\n"),
        ("load.tsv", "1\t2.5\n3\t-4.0"),
        ("load.csv", "\ufeff1,2.5\n3,-4e0\n"),
    ],
)
def test_text_without_a_header_is_read(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    found = open_series(folder, "load")
    assert type(found) is TimeScenarioSeriesData
    assert np.array_equal(found.get_value([0, 1], [0, 1]), VALUES)


def test_parquet_goes_before_text(folder):
    (folder / "load.txt").write_text("9 9\n9 9\n")
    write_series(folder / "load.parquet", VALUES)
    found = open_series(folder, "load")
    assert type(found) is LazyTimeScenarioSeriesData
    assert np.array_equal(found.get_value([0, 1], [0, 1]), VALUES)


def test_text_goes_txt_tsv_csv(folder):
    for suffix in ("csv", "tsv", "txt"):
        (folder / f"load.{suffix}").write_text("1\n")
        assert find_series(folder, "load").endswith(suffix)


def test_a_text_that_is_newer_than_its_parquet_twin_is_warned_about(folder):
    write_series(folder / "load.parquet", VALUES)
    (folder / "load.txt").write_text("1 2\n")
    later = (folder / "load.parquet").stat().st_mtime_ns + 10**9
    os.utime(folder / "load.txt", ns=(later, later))
    with pytest.warns(StaleSeriesWarning, match="is newer than"):
        open_series(folder, "load")


def test_a_suffix_is_appended_and_replaces_nothing(folder):
    (folder / "wind.v2.txt").write_text("1 2.5\n3 -4\n")
    (folder / "wind.txt").write_text("0 0\n")
    found = open_series(folder, "wind.v2").get_value([0, 1], [0, 1])
    assert np.array_equal(found, VALUES)


def test_the_kind_follows_what_the_series_varies_over(folder):
    (folder / "t.txt").write_text("1\n2\n")
    (folder / "s.txt").write_text("1 2\n")
    write_series(folder / "pt.parquet", VALUES[:, :1])
    write_series(folder / "ps.parquet", VALUES[:1])
    assert type(open_series(folder, "t", scenario=False)) is TimeSeriesData
    assert type(open_series(folder, "s", time=False)) is ScenarioSeriesData
    assert type(open_series(folder, "pt", scenario=False)) is LazyTimeSeriesData
    assert type(open_series(folder, "ps", time=False)) is LazyScenarioSeriesData


@pytest.mark.parametrize("suffix", ["txt", "parquet"])
def test_a_time_series_has_exactly_one_column_and_a_scenario_series_one_row(folder, suffix):
    if suffix == "txt":
        (folder / "x.txt").write_text("1 2\n3 4\n")
    else:
        write_series(folder / "x.parquet", VALUES)
    with pytest.raises(SchemaMismatchError, match="exactly one column, and this has 2"):
        open_series(folder, "x", scenario=False)
    with pytest.raises(SchemaMismatchError, match="exactly one row, and this has 2"):
        open_series(folder, "x", time=False)


def test_a_missing_series_names_what_was_looked_for_and_the_nearest(folder):
    (folder / "wind.txt").write_text("1\n")
    with pytest.raises(NotFoundError, match=r"'wimd'.*\.txt, \.tsv, \.csv.*Did you mean 'wind'"):
        open_series(folder, "wimd")
    assert find_series(folder, "wimd") is None
    with pytest.raises(NotFoundError, match="no folder of series"):
        open_series(folder / "nowhere", "wind")


def test_a_text_that_cannot_be_read_is_an_error_of_the_disk(folder):
    (folder / "wind.txt").mkdir()
    with pytest.raises(StorageError, match=r"wind\.txt: Is a directory"):
        read_text(str(folder / "wind.txt"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2\n3 x\n", "could not convert string 'x' to float64 in line 2, column 2"),
        ("1 2\n3\n", "number of columns changed from 2 to 1 in line 2"),
        ("1 2\n\n3 4\n", "line 2 is empty"),
        ("", "holds no number"),
        ("\n \n", "holds no number"),
        ("1,5 2\n", "could not convert"),
        ("a b\n1 2\n", "could not convert string 'a' to float64 in line 1, column 1"),
    ],
)
def test_text_that_is_no_table_of_numbers_is_refused(folder, text, reason):
    (folder / "x.txt").write_text(text)
    with pytest.raises(SchemaMismatchError, match=reason):
        open_series(folder, "x")


def test_bytes_that_are_no_text_are_refused(folder):
    (folder / "x.csv").write_bytes(b"1,\xff\n")
    with pytest.raises(SchemaMismatchError, match="no text"):
        open_series(folder, "x")


def test_a_file_that_is_no_parquet_is_refused(folder):
    (folder / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(CorruptionError, match="no Parquet file"):
        open_series(folder, "x").get_value([0], [0])
