"""The handles people hold."""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import shutil
import threading
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from parquetry import (
    Dataset,
    LayoutError,
    NotFoundError,
    ParameterError,
    ParquetryError,
    RequestError,
    SchemaMismatchError,
    StorageError,
    Store,
    UnknownColumnError,
    attach_grid_id,
    convert,
    create_connection_and_views,
    write_event_rows,
)


@pytest.fixture
def trades(tmp_path) -> Dataset:
    dataset = Store(tmp_path / "store").dataset("trades")
    frame = pl.DataFrame({"product": ["BTC", "ETH", None], "price": [1.0, 2.0, 3.0]})
    dataset.append(frame, partition_by=["product"])
    return dataset


def test_an_append_splits_by_the_keys_and_null_is_one(trades):
    folders = {path.split("/")[-2] for path in trades.files()}
    assert folders == {"product=BTC", "product=ETH", "product=__HIVE_DEFAULT_PARTITION__"}
    assert trades.scan().filter(pl.col("product").is_null()).collect()["price"].to_list() == [3.0]


def test_a_file_is_no_dataset(tmp_path):
    file = tmp_path / "store" / "single.parquet"
    file.parent.mkdir()
    pl.DataFrame({"a": [1]}).write_parquet(file)
    for opened in (Dataset, Dataset.open):
        with pytest.raises(RequestError, match=r"single\.parquet is a file; a dataset is a folder"):
            opened(file)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "call",
    [
        lambda dataset: dataset.append([{"a": 1, "b": 2}], partition_by="ab"),
        lambda dataset: dataset.upsert([{"a": 1, "b": 2}], on="ab"),
        lambda dataset: dataset.upsert([{"a": 1, "b": 2}], on=["a"], partition_by="b"),
        lambda dataset: dataset.repartition("ab"),
    ],
    ids=["append", "on", "upsert", "repartition"],
)
def test_a_text_in_the_place_of_names_is_not_read_letter_by_letter(tmp_path, call):
    with pytest.raises(ParameterError, match=r"is one text.* Write \['a?b'\]"):
        call(Store(tmp_path / "store").dataset("new"))


def test_several_partitions_are_one_commit(trades):
    [record] = trades.history()
    assert (record.operation, len(record.added), record.rows_added) == ("append", 3, 3)


def test_an_append_keeps_the_keys_of_the_dataset(trades):
    trades.append([{"product": "BTC", "price": 4.0}])
    assert trades.count() == 4
    with pytest.raises(LayoutError, match="is partitioned by"):
        trades.append([{"product": "BTC", "price": 4.0}], partition_by=["price"])
    with pytest.raises(UnknownColumnError, match="'product'"):
        trades.append([{"price": 4.0}])
    assert trades.count() == 4


def test_an_append_of_nothing_is_refused(trades):
    with pytest.raises(ParameterError, match="no rows"):
        trades.append([])


def test_an_append_of_another_type_is_refused_and_changes_nothing(trades):
    before = trades.files()
    with pytest.raises(SchemaMismatchError, match="'price'"):
        trades.append([{"product": "BTC", "price": "dear"}])
    assert trades.files() == before


def test_the_past_is_read_and_restored(trades):
    trades.append([{"product": "BTC", "price": 4.0}])
    assert trades.at(1).count() == 3
    assert trades.at(0).count() == 0
    trades.restore(1)
    assert trades.count() == 3
    assert trades.at(2).scan().select(pl.col("price").sum()).collect().item() == 10.0


def test_the_past_of_a_folder_with_keys_only_in_its_paths(tmp_path):
    for day in ("2024-01-01", "2024-01-02"):
        folder = tmp_path / "days" / f"day={day}"
        folder.mkdir(parents=True)
        pl.DataFrame({"x": [1]}).write_parquet(folder / "a.parquet")
    dataset = Dataset(tmp_path / "days")
    dataset.append([{"x": 2, "day": pl.date(2024, 1, 3) if False else None}])
    assert dataset.count() == 3
    past = dataset.at(0).scan().collect()
    assert past.height == 2
    assert past.schema["day"] == pl.Date


def test_a_pin_holds_what_a_restore_takes_away(trades):
    trades.append([{"product": "BTC", "price": 4.0}])
    with trades.pin() as pin:
        trades.restore(1)
        trades.vacuum(keep="0d")
        assert pl.scan_parquet(list(pin.files)).select(pl.len()).collect().item() == 4
    assert trades.count() == 3


def test_handles_travel_to_other_processes(trades):
    assert pickle.loads(pickle.dumps(trades)).count() == 3
    store = Store(trades.path.rpartition("/")[0])
    assert pickle.loads(pickle.dumps(store)).datasets() == ["trades"]


def test_a_store_is_made_unless_it_is_only_to_be_read(tmp_path):
    assert Store(tmp_path / "new").datasets() == []
    with pytest.raises(NotFoundError, match="There is no store"):
        Store(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "_x"])
def test_a_name_that_is_no_folder_is_refused(tmp_path, name):
    with pytest.raises(RequestError, match="cannot be a dataset"):
        Store(tmp_path).dataset(name)


def test_reprs_say_what_is_there(trades):
    assert "3 files, by product, 2 columns" in repr(trades)
    assert "trades" in repr(Store(trades.path.rpartition("/")[0]))
    assert "nothing written yet" in repr(Dataset(trades.path + "2"))
    assert "<table" in trades._repr_html_()


def test_sql_is_fresh_and_shared_by_threads(trades):
    store = Store(trades.path.rpartition("/")[0])
    counts = []

    def ask() -> None:
        counts.append(store.sql("select count(*) from trades").fetchone())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [(3,)] * 8
    trades.append([{"product": "BTC", "price": 4.0}])
    assert store.sql("select count(*) from trades").fetchone() == (4,)


def test_parameters_of_grids_are_columns_only_where_they_are_asked_for(tmp_path):
    for gamma in (0.5, 1.0):
        params = attach_grid_id({"gamma": gamma, "nested": {"rate": 0.1}, "tags": ["a", "b"]})
        write_event_rows([{"seed": 1, "event_id": 0, "regret": gamma}], tmp_path, params)
    store = Store(tmp_path)
    rows = store.sql('select gamma, "nested.rate", tags from events order by gamma').fetchall()
    assert rows == [(0.5, 0.1, '["a", "b"]'), (1.0, 0.1, '["a", "b"]')]
    assert set(store.sql("select * from events").columns) >= {"gamma", "regret", "seed"}
    plan = store.sql("explain select count(*) from events").fetchall()
    assert "JOIN" not in str(plan)


def test_a_question_on_one_grid_reads_only_that_grid(tmp_path):
    ids = []
    for gamma in (0.5, 1.0, 1.5):
        params = attach_grid_id({"gamma": gamma})
        ids.append(params["grid_id"])
        write_event_rows([{"seed": 1, "event_id": 0, "regret": gamma}], tmp_path, params)
    store = Store(tmp_path)
    for sql in (
        "select regret from events where grid_id = ?",
        "select gamma from events where grid_id = ?",
        "select avg_regret from events_summary where grid_id = ?",
    ):
        result = store.sql(sql, [ids[0]])
        assert (result.fetchall(), result.stats.files) == ([(0.5,)], 1)


def test_a_column_of_the_rows_wins_over_a_parameter_of_its_name(tmp_path):
    params = attach_grid_id({"gamma": 0.5})
    write_event_rows([{"seed": 1, "gamma": 9.0}], tmp_path, params)
    write_event_rows([{"seed": 2, "x": 1}], tmp_path, params)
    rows = Store(tmp_path).sql("select seed, gamma from events order by seed").fetchall()
    assert rows == [(1, 9.0), (2, 0.5)]


def test_a_misspelt_parameter_is_met_with_the_nearest_one(tmp_path):
    write_event_rows([{"seed": 1, "x": 1}], tmp_path, attach_grid_id({"gamma": 0.5}))
    with pytest.raises(UnknownColumnError, match="Did you mean 'gamma'"):
        Store(tmp_path).sql("select gama from events")


def test_read_only_refuses_everything_but_questions(trades):
    store = Store(trades.path.rpartition("/")[0])
    with pytest.raises(RequestError, match="Only queries"):
        store.sql("create table x as select 1", read_only=True)


def test_the_schema_is_an_arrow_schema_with_the_keys(trades):
    assert trades.schema.field("price").type == pa.float64()
    assert trades.partition_by == ("product",)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ParquetryError):
            Store(path)
    with pytest.raises(RequestError, match="is a file"):
        Store(tmp_path / "file", create=False)


def test_a_look_at_a_handle_never_fails(tmp_path):
    store = Store(tmp_path / "store")
    dataset = store.dataset("broken")
    (tmp_path / "store" / "broken").mkdir()
    (tmp_path / "store" / "broken" / "data.parquet").write_text("no Parquet")
    assert "check() tells why" in repr(dataset)
    assert "check() tells why" in dataset._repr_html_()
    assert "broken" in store._repr_html_()
    shutil.rmtree(tmp_path / "store")
    assert "cannot be listed" in repr(store)
    assert "cannot be listed" in store._repr_html_()


def test_what_may_not_be_looked_at_is_not_said_to_be_absent(tmp_path, monkeypatch):
    look = os.lstat

    def denied(path, **options):
        if "secret" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return look(path, **options)

    (tmp_path / "csv").mkdir()
    monkeypatch.setattr(os, "lstat", denied)
    secret = str(tmp_path / "secret" / "place")
    for opening in (
        lambda: Store(secret),
        lambda: Store(secret, create=False),
        lambda: Dataset.open(secret),
        lambda: create_connection_and_views(secret),
        lambda: convert(secret, tmp_path / "out"),
    ):
        with pytest.raises(StorageError, match=r"Permission denied\. Check the owner"):
            opening()


def test_a_record_has_the_checksums_of_files_that_come_from_memory(trades):
    trades.upsert([{"product": "XRP", "price": 0.5}], on=["product"])
    append, upsert = trades.history()[::-1]
    for file in (*append.added, *upsert.added):
        content = (Path(trades.path) / file.path).read_bytes()
        assert file.checksum == hashlib.sha256(content).hexdigest()
    trades.restore(1)
    assert trades.check(deep=True).is_sound
    changed = Path(trades.path) / append.added[0].path
    content, facts = changed.read_bytes(), changed.stat()
    other = content.replace(b"parquet-cpp", b"parquet-cpq")  # no page, no row, no size is another
    assert other != content
    changed.write_bytes(other)
    os.utime(changed, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert trades.check().is_sound
    assert {found.kind for found in trades.check(deep=True).of("error")} == {"changed-in-place"}
