"""Series files that were not compressed are read by position: exactly the bytes asked."""

from __future__ import annotations

import os

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import ConflictError
from parquetry.series import (
    DataBase,
    LazyTimeScenarioSeriesData,
    MaterializationStrategy,
    ResolutionConfig,
    SimulationSession,
    Study,
    TimeScope,
    check_series,
    series_info,
    write_series,
)
from parquetry.series.arrow_file import ArrowFile
from parquetry.series.plain_file import PlainFile
from parquetry.series.reader import open_file
from parquetry.series.source import open_source

ROWS, COLUMNS, BLOCK = 1000, 30, 20
VALUES = np.random.default_rng(3).random((ROWS, COLUMNS)) * 1000


@pytest.fixture
def path(folder):
    """30 scenarios in row groups of one block."""
    write_series(folder / "wind.parquet", VALUES, BLOCK)
    return folder / "wind.parquet"


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes of values each read has taken."""
    counted = []
    whole = os.preadv

    def counting(*arguments):
        counted.append(whole(*arguments))
        return counted[-1]

    monkeypatch.setattr(os, "preadv", counting)
    return counted


def take_wind(block, _scenario_ids, values, _carry):
    found = values["farm", "wind"]
    return {"timestep": list(block.timesteps), "wind": found[:, 0]}, None


def write_wide_groups(folder):
    """Write row groups of nine blocks: 200 scenarios leave room for ten groups."""
    values = np.random.default_rng(4).random((ROWS, 200))
    layout = write_series(folder / "wide.parquet", values, 11)
    assert layout.row_group_rows == 110
    return folder / "wide.parquet", values


def test_per_worker_reads_the_bytes_of_its_own_steps_and_scenarios_and_no_others(
    folder, bytes_read
):
    path, values = write_wide_groups(folder)
    database = DataBase()
    database.add_data("farm", "wind", LazyTimeScenarioSeriesData(path))
    study, config = (
        Study(database, TimeScope(0, ROWS - 1), [7, 150]),
        ResolutionConfig("parallel-subproblems", 11),
    )
    session = SimulationSession(
        study, config, take_wind, materialization=MaterializationStrategy.PER_WORKER
    )
    frame = session.run().frame()
    assert sum(bytes_read) == 2 * ROWS * 8
    assert max(bytes_read) == 11 * 8
    found = np.array(frame["wind"]).reshape(2, ROWS)
    assert np.array_equal(found.T, values[:, [7, 150]])


def test_steps_and_columns_apart_cost_no_more_than_the_steps_between_them(path, bytes_read):
    database = DataBase()
    database.add_data("farm", "wind", LazyTimeScenarioSeriesData(path))
    database.materialize([2, 9], [43, 41, 500])
    assert sum(bytes_read) == 2 * (3 + 1) * 8


def test_whole_row_groups_of_neighbours_come_in_one_read(path, bytes_read):
    found = open_source(str(path)).load(range(20, 40), np.array([3, 4, 5, 6, 20, 21, 29]))
    assert np.array_equal(found, VALUES[20:40][:, [3, 4, 5, 6, 20, 21, 29]])
    assert len(bytes_read) == 3
    assert sum(bytes_read) < 7 * (BLOCK * 8 + 40)


def test_opening_a_file_of_ours_reads_its_positions_and_not_its_footer(path, monkeypatch):
    taken = []
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda *given: taken.append(given[1]) or whole(*given))
    monkeypatch.setattr(pq, "ParquetFile", None)
    assert open_file(str(path)).rows == ROWS
    assert sum(taken) == 8 + 52 + 8 * COLUMNS * (ROWS // BLOCK)


def test_every_other_reader_finds_the_same_table(path):
    names = [str(n) for n in range(COLUMNS)]
    assert np.array_equal(np.column_stack(pq.read_table(path).columns), VALUES)
    assert np.array_equal(pl.read_parquet(path).to_numpy(), VALUES)
    found = duckdb.sql(f"SELECT * FROM '{path}'").fetchnumpy()
    assert np.array_equal(np.column_stack([found[name] for name in names]), VALUES)


def test_a_table_that_another_tool_writes_anew_is_not_read_by_old_positions(path):
    table = pq.read_table(path)
    turned = table.select(table.column_names[::-1])
    pq.write_table(
        turned,
        path,
        row_group_size=BLOCK,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        write_page_checksum=True,
    )
    assert isinstance(open_file(str(path)), ArrowFile)
    found = LazyTimeScenarioSeriesData(path).get_value(range(ROWS), np.arange(COLUMNS))
    assert np.array_equal(found, VALUES)


def test_nan_that_another_tool_brings_in_is_found(path, folder):
    assert check_series(folder, refuse_nan=True) == []
    table = pq.read_table(path)
    gaps = VALUES[:, 4].copy()
    gaps[7] = np.nan
    pq.write_table(table.set_column(4, table.schema.field(4), [gaps]), path)
    [finding] = check_series(folder, refuse_nan=True)
    assert "1 value(s) are NaN" in finding.problem
    assert series_info(path).nan_values is None


def test_a_copy_is_read_by_position_as_well(path, folder):
    (folder / "copy.parquet").write_bytes(path.read_bytes())
    assert isinstance(open_file(str(folder / "copy.parquet")), PlainFile)


def test_damaged_positions_are_not_believed(path):
    info, content = series_info(path), bytearray(path.read_bytes())
    content[-8 - info.footer_bytes - 100] ^= 1
    path.write_bytes(content)
    assert isinstance(open_file(str(path)), ArrowFile)
    found = LazyTimeScenarioSeriesData(path).get_value(range(ROWS), np.arange(COLUMNS))
    assert np.array_equal(found, VALUES)


def test_positions_that_were_moved_are_not_believed(path, folder):
    content, end = path.read_bytes(), series_info(path).footer_bytes + 8
    (folder / "moved.parquet").write_bytes(content[:-end] + content[4:-end] + content[-end:])
    assert isinstance(open_file(str(folder / "moved.parquet")), ArrowFile)


@pytest.mark.parametrize("length", [1, 2])
def test_a_file_that_is_overwritten_in_place_is_a_conflict_and_never_other_values(path, length):
    lazy = LazyTimeScenarioSeriesData(path)
    lazy.get_value([0], np.array([0]))
    content = path.read_bytes()
    with open(path, "r+b") as file:
        file.truncate(4)
        file.write(content[: len(content) // length])
    with pytest.raises(ConflictError, match="was changed while"):
        lazy.get_value([999], np.array([0]))


def test_compressed_series_are_read_by_row_group(folder):
    for compression in ("lz4", "zstd", "snappy"):
        path = folder / f"{compression}.parquet"
        write_series(path, VALUES, BLOCK, compression=compression)
        assert isinstance(open_file(str(path)), ArrowFile)
        lazy = LazyTimeScenarioSeriesData(path)
        assert np.array_equal(lazy.get_value(range(ROWS), np.arange(COLUMNS)), VALUES)


def test_a_row_group_of_any_length_is_one_page(folder):
    values = np.arange(60_000.0).reshape(30_000, 2)
    write_series(folder / "long.parquet", values, block_length=30_000)
    assert isinstance(open_file(str(folder / "long.parquet")), PlainFile)
    found = LazyTimeScenarioSeriesData(folder / "long.parquet").get_value([29_999, 0], [1, 0])
    assert np.array_equal(found, values[[29_999, 0]][:, [1, 0]])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 230),
    block=st.integers(1, 70),
    data=st.data(),
)
def test_positions_and_arrow_agree_on_every_cut(tmp_path_factory, rows, columns, block, data):
    path = tmp_path_factory.mktemp("series") / "s.parquet"
    values = np.random.default_rng(rows).normal(size=(rows, columns))
    write_series(path, values, block)
    source = open_source(str(path))
    assert all(isinstance(file, PlainFile) for file in source.files)
    step, column = st.integers(0, rows - 1), st.integers(0, columns - 1)
    steps = np.array(data.draw(st.lists(step, min_size=1, max_size=8)))
    chosen = np.array(sorted(data.draw(st.sets(column, min_size=1, max_size=40))))
    assert np.array_equal(source.load(steps, chosen), values[np.ix_(steps, chosen)])
    assert np.array_equal(source.read(steps, chosen), values[np.ix_(steps, chosen)])
    every = np.arange(columns)
    assert np.array_equal(source.load(range(rows), every), values)
