"""Runs are written by units: typed, whole, once."""

from __future__ import annotations

import json
import os
from enum import Enum

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import (
    AlreadyExistsError,
    LayoutError,
    ParameterError,
    RequestError,
    SchemaMismatchError,
    StorageError,
)
from parquetry.experiments import grids
from parquetry.experiments.hashing import attach_grid_id
from parquetry.experiments.writing import WIDE, write_event_rows, write_seed_rows

PARAMS = {"algo": "memorypair", "accountant": "zcdp", "gamma_bar": 1.0}


def rows(*seeds: int, count: int = 3, **more: object) -> list[dict[str, object]]:
    return [
        {"seed": seed, "event_id": i, "op": "insert", "value": i / 4, **more}
        for seed in seeds
        for i in range(count)
    ]


def read(store, name="events") -> pl.DataFrame:
    files = sorted(store.glob(f"{name}/**/*.parquet"))
    tables = [pl.read_parquet(path, hive_partitioning=False) for path in files]
    return pl.concat(tables, how="diagonal_relaxed")


def files(store) -> dict[str, tuple[int, int]]:
    found = store.glob("events/**/*.parquet")
    return {str(p.relative_to(store)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in found}


def test_a_unit_stands_in_the_folder_of_its_grid_and_seed(tmp_path):
    report = write_event_rows(rows(1), tmp_path, PARAMS)
    path = tmp_path / "events" / f"grid_id={report.grid_id}" / "seed=1" / "data.parquet"
    assert [str(path)] == list(report.paths)
    assert (report.units_written, report.units_unchanged, report.rows) == (1, 0, 3)
    assert report.bytes == path.stat().st_size


def test_keys_are_columns_of_the_files_too_with_their_types(tmp_path):
    report = write_event_rows(rows(1), tmp_path, {**PARAMS, "grid_id": "12345678"})
    schema = pq.read_schema(report.paths[0])
    assert schema.field("grid_id").type == pa.string()
    assert schema.field("seed").type == pa.int64()


def test_the_wide_form_begins_with_the_parameters(tmp_path):
    report = write_event_rows(rows(1), tmp_path, PARAMS, partition_by="wide")
    folders = report.paths[0].removeprefix(str(tmp_path / "events")).split("/")[1:-1]
    assert [folder.split("=")[0] for folder in folders] == list(WIDE)
    assert folders[:3] == ["algo=memorypair", "accountant=zcdp", "gamma_bar=1.0"]
    assert folders[3] == "gamma_split=__HIVE_DEFAULT_PARTITION__"


def test_a_whole_number_in_one_run_and_a_fraction_in_the_next_share_a_wide_key(tmp_path):
    write_event_rows(rows(1), tmp_path, {"algo": "a", "gamma_bar": 1}, partition_by="wide")
    write_event_rows(rows(1), tmp_path, {"algo": "a", "gamma_bar": 0.5}, partition_by="wide")
    assert sorted(read(tmp_path)["gamma_bar"].unique()) == [0.5, 1.0]


def test_the_parameters_are_kept_once_and_never_changed(tmp_path):
    report = write_event_rows(rows(1), tmp_path, {**PARAMS, "timestamp": "now"})
    path = tmp_path / "grids" / f"grid_id={report.grid_id}" / "params.json"
    before = path.read_bytes(), path.stat().st_mtime_ns
    grids._known.clear()
    write_event_rows(rows(2), tmp_path, {**PARAMS, "timestamp": "later"})
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    document = json.loads(before[0])
    assert document["params"] == PARAMS
    assert document["ignored"] == ["timestamp"]
    assert document["digest"].startswith(document["grid_id"])


def test_an_id_that_other_parameters_have_grows(tmp_path, monkeypatch):
    first = write_event_rows(rows(1), tmp_path, PARAMS)
    path = tmp_path / "grids" / f"grid_id={first.grid_id}" / "params.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "digest": "0" * 64}))  # as if other parameters had it
    grids._known.clear()
    second = write_event_rows(rows(2), tmp_path, attach_grid_id(PARAMS))
    assert len(second.grid_id) == 12
    assert second.grid_id.startswith(first.grid_id)
    assert set(pl.read_parquet(second.paths[0])["grid_id"]) == {second.grid_id}


def test_a_given_id_is_not_used_for_two_parameter_sets(tmp_path):
    write_event_rows(rows(1), tmp_path, {**PARAMS, "grid_id": "mine"})
    with pytest.raises(ParameterError, match="'mine' stands for other parameters"):
        write_event_rows(rows(2), tmp_path, {**PARAMS, "gamma_bar": 2.0, "grid_id": "mine"})
    assert set(read(tmp_path)["seed"]) == {1}


def test_a_rerun_with_the_same_rows_touches_nothing(tmp_path):
    write_event_rows(rows(1, 2, nothing=float("nan")), tmp_path, PARAMS)
    before = files(tmp_path)
    report = write_event_rows(rows(1, 2, nothing=float("nan")), tmp_path, PARAMS)
    assert files(tmp_path) == before
    assert (report.units_written, report.units_unchanged) == (0, 2)


def test_a_rerun_with_other_rows_replaces_the_unit_under_a_new_name(tmp_path):
    first = write_event_rows(rows(1, 2), tmp_path, PARAMS)
    second = write_event_rows(rows(1, count=5), tmp_path, PARAMS)
    assert second.paths[0] not in first.paths
    assert read(tmp_path).group_by("seed").len().sort("seed").rows() == [(1, 5), (2, 3)]


@pytest.mark.parametrize(("mode", "expected"), [("append", 8), ("skip", 3), ("replace", 5)])
def test_the_mode_says_what_happens_to_a_unit_that_is_there(tmp_path, mode, expected):
    write_event_rows(rows(1), tmp_path, PARAMS)
    write_event_rows(rows(1, count=5), tmp_path, PARAMS, mode=mode)
    assert read(tmp_path).height == expected


def test_mode_error_names_the_unit_and_leaves_it(tmp_path):
    write_event_rows(rows(1), tmp_path, PARAMS)
    before = files(tmp_path)
    with pytest.raises(AlreadyExistsError, match="Seed 1 of grid"):
        write_event_rows(rows(1, count=5), tmp_path, PARAMS, mode="error")
    assert files(tmp_path) == before


def test_seeds_of_one_grid_share_a_folder_and_are_replaced_one_by_one(tmp_path):
    write_seed_rows([{"seed": s, "final": float(s)} for s in (1, 10, 11)], tmp_path, PARAMS)
    write_seed_rows([{"seed": 1, "final": 7.5}], tmp_path, PARAMS)
    assert read(tmp_path, "seeds").sort("seed").select("seed", "final").rows() == [
        (1, 7.5),
        (10, 10.0),
        (11, 11.0),
    ]


def test_a_unit_inside_a_compacted_file_is_replaced_and_the_others_stay(tmp_path):
    report = write_seed_rows([{"seed": s, "final": float(s)} for s in (1, 2, 3)], tmp_path, PARAMS)
    folder = tmp_path / "seeds" / f"grid_id={report.grid_id}"
    together = pa.concat_tables([pq.ParquetFile(path).read() for path in report.paths])
    for path in report.paths:
        os.unlink(path)
    pq.write_table(together, folder / "part-compacted.parquet")
    write_seed_rows([{"seed": 2, "final": 9.0}], tmp_path, PARAMS)
    assert read(tmp_path, "seeds").sort("seed")["final"].to_list() == [1.0, 9.0, 3.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda r: r,
        pl.DataFrame,
        pd.DataFrame,
        pa.Table.from_pylist,
        lambda r: iter([pa.Table.from_pylist(r[:4]), pl.DataFrame(r[4:])]),
        lambda r: pl.DataFrame(r).lazy(),
        lambda r: (row for row in r),
    ],
    ids=["dicts", "polars", "pandas", "arrow", "batches", "lazy", "generator"],
)
def test_rows_come_in_any_form(tmp_path, make):
    report = write_event_rows(make(rows(1, 2, count=3)), tmp_path, PARAMS)
    assert report.units_written == 2
    assert read(tmp_path).height == 6
    assert read(tmp_path).schema["op"] == pl.String


def test_a_unit_that_spans_batches_is_one_file(tmp_path):
    batches = iter([rows(1), rows(1, 2), rows(2), rows(1)])
    report = write_event_rows((pl.DataFrame(batch) for batch in batches), tmp_path, PARAMS)
    assert read(tmp_path).group_by("seed").len().sort("seed").rows() == [(1, 9), (2, 6)]
    assert len(report.paths) == 3  # the rows of seed 1 that came back later are a file of their own


def test_runs_with_different_columns_are_one_dataset(tmp_path):
    write_event_rows(rows(1), tmp_path, PARAMS)
    write_event_rows(rows(2, acc=0.5, note=None), tmp_path, PARAMS)
    assert read(tmp_path)["acc"].to_list() == [None] * 3 + [0.5] * 3
    assert "note" not in read(tmp_path).columns  # a column without a type is not written


def test_a_column_keeps_its_type_if_nothing_is_lost(tmp_path):
    write_event_rows(rows(1, score=1.5), tmp_path, PARAMS)
    write_event_rows(rows(2, score=2), tmp_path, PARAMS)
    paths = sorted(tmp_path.glob("events/**/*.parquet"))
    assert {str(pq.read_schema(path).field("score").type) for path in paths} == {"double"}


def test_a_column_whose_type_changed_is_refused_and_nothing_is_written(tmp_path):
    write_event_rows(rows(1, score=1), tmp_path, PARAMS)
    before = files(tmp_path)
    with pytest.raises(SchemaMismatchError, match=r"'score' is double here and int64"):
        write_event_rows(rows(2, score=2.5), tmp_path, PARAMS)
    with pytest.raises(SchemaMismatchError, match=r"'score' is string here and int64"):
        write_event_rows(rows(2, score="2"), tmp_path, PARAMS)
    assert files(tmp_path) == before


def test_mixed_types_in_one_column_are_refused_by_name(tmp_path):
    mixed = [*rows(1, score="good"), *rows(1, score=2)]
    with pytest.raises(SchemaMismatchError, match=r"'score'.*int, str"):
        write_event_rows(mixed, tmp_path, PARAMS)
    assert not list(tmp_path.glob("events/**/*.parquet"))


@pytest.mark.parametrize("empty", [[], pl.DataFrame(), iter([])], ids=["list", "frame", "iterator"])
def test_no_rows_are_an_error(tmp_path, empty):
    with pytest.raises(ParameterError, match="no rows"):
        write_event_rows(empty, tmp_path / "results", PARAMS)
    assert not (tmp_path / "results").exists()


def test_rows_without_a_seed_take_it_from_the_parameters_or_are_refused(tmp_path):
    without = [{"event_id": 0, "value": 1.0}]
    write_event_rows(without, tmp_path, {**PARAMS, "seed": 4})
    assert read(tmp_path)["seed"].to_list() == [4]
    with pytest.raises(ParameterError, match="no column 'seed'"):
        write_event_rows(without, tmp_path, PARAMS)


@pytest.mark.parametrize("seed", ["1", 1.5, True, 2**63])
def test_a_seed_that_is_none_is_refused(tmp_path, seed):
    with pytest.raises(ParameterError, match="seed"):
        write_event_rows([{"event_id": 0}], tmp_path / "results", {**PARAMS, "seed": seed})
    with pytest.raises((ParameterError, SchemaMismatchError), match="seed"):
        write_event_rows([{"event_id": 0, "seed": seed}], tmp_path / "results", PARAMS)
    assert not (tmp_path / "results").exists()


def test_a_parameter_that_cannot_name_a_folder_is_refused_by_name(tmp_path):
    class Kind(Enum):
        A = "a"

    keys = ["kind", "grid_id", "seed"]
    written = write_event_rows(rows(1), tmp_path / "one", {"kind": Kind.A}, partition_by=keys)
    assert "/kind=a/" in written.paths[0]
    for value in ({1, 2}, [1], 2**60 + 1):
        with pytest.raises(RequestError, match="kind"):
            write_event_rows(rows(1), tmp_path / "other", {"kind": value}, partition_by=keys)
    assert not list(tmp_path.glob("other/**/*.parquet"))


def test_a_column_whose_type_changes_from_batch_to_batch_is_refused(tmp_path):
    batches = [pl.DataFrame({"seed": [1], "op": [value]}) for value in ("insert", 1)]
    with pytest.raises(SchemaMismatchError, match="of seed 1 has other types"):
        write_event_rows(iter(batches), tmp_path, PARAMS)
    assert not list(tmp_path.glob("events/**/*.parquet"))


def test_rows_of_another_grid_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="grid_id='other'"):
        write_event_rows(rows(1, grid_id="other"), tmp_path, PARAMS)


def test_other_keys_than_the_dataset_has_are_refused(tmp_path):
    write_event_rows(rows(1), tmp_path, PARAMS)
    with pytest.raises(LayoutError, match="is partitioned by"):
        write_event_rows(rows(2), tmp_path, PARAMS, partition_by="wide")


def test_an_unsafe_id_and_a_long_value_write_nothing(tmp_path):
    with pytest.raises(ParameterError, match="cannot name a folder"):
        write_event_rows(rows(1), tmp_path, {**PARAMS, "grid_id": "../evil"})
    with pytest.raises(LayoutError, match="bytes"):
        write_event_rows(rows(1), tmp_path, {**PARAMS, "algo": "é" * 120}, partition_by="wide")
    assert not list(tmp_path.glob("events/**/*.parquet"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_a_storage_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Check the owner"):
        write_event_rows(rows(1), tmp_path / "store", PARAMS)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("given", "regret", "cumulated"),
    [
        ({"regret": 1.0}, 1.0, 1.0),
        ({"cum_regret": 2.0}, 2.0, 2.0),
        ({"regret_increment": 3.0}, 3.0, 3.0),
        ({"regret": 1.0, "cum_regret": 2.0}, 1.0, 2.0),
        ({"regret": None, "cum_regret": 2.0, "regret_increment": 3.0}, 2.0, 2.0),
        ({"regret": None, "cum_regret": None, "regret_increment": 3}, 3, 3),
    ],
)
def test_regret_columns_are_filled_from_each_other(tmp_path, given, regret, cumulated):
    write_event_rows(rows(1, count=1, **given), tmp_path, PARAMS)
    assert read(tmp_path).select("regret", "cum_regret").rows() == [(regret, cumulated)]


def test_rows_that_a_lazy_frame_cannot_give_are_our_error(tmp_path):
    lazy = pl.DataFrame(rows(1)).lazy().filter(pl.col("valu") > 0)
    with pytest.raises(RequestError, match=r'cannot be collected.*"valu"'):
        write_event_rows(lazy, tmp_path / "results", PARAMS)
    assert not (tmp_path / "results").exists()


def test_what_is_left_out_of_an_id_is_left_out_when_writing(tmp_path):
    for seed, note in enumerate(("first try", "again")):
        params = attach_grid_id({**PARAMS, "note": note}, volatile=["note"])
        write_event_rows(rows(seed), tmp_path, params, volatile=["note"])
    (path,) = tmp_path.glob("grids/*/params.json")
    document = json.loads(path.read_text())
    assert document["ignored"] == ["note"]
    assert document["params"] == PARAMS
    with pytest.raises(ParameterError, match=r"volatile=.*write with the same"):
        write_event_rows(rows(3), tmp_path, params)


def test_a_parameter_that_was_added_with_a_default_writes_to_the_old_grid(tmp_path):
    old = write_event_rows(rows(1), tmp_path, PARAMS)
    grids._known.clear()
    defaults = {"dropout": 0.0}
    params = attach_grid_id({**PARAMS, **defaults}, defaults=defaults)
    new = write_event_rows(rows(2), tmp_path, params, defaults=defaults)
    assert new.grid_id == old.grid_id
    other = write_event_rows(rows(2), tmp_path, {**PARAMS, "dropout": 0.5}, defaults=defaults)
    assert other.grid_id != old.grid_id


def test_an_id_has_as_many_digits_as_were_asked_for(tmp_path):
    params = attach_grid_id(PARAMS, length=16)
    assert write_event_rows(rows(1), tmp_path, params).grid_id == params["grid_id"]
    assert read(tmp_path)["grid_id"].unique().to_list() == [params["grid_id"]]


def test_an_option_that_is_none_is_a_type_error(tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'mod'"):
        write_event_rows(rows(1), tmp_path, PARAMS, mod="skip")
    assert not list(tmp_path.glob("events/**/*.parquet"))
