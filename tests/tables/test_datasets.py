"""Datasets of tables: only rows of the table come in, keys hold, facts stay, versions are kept apart."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import polars as pl
import pyarrow.parquet as pq
import pytest

from doubles.faulty import Died, FaultyStorage
from parquetry import Dataset, Store
from parquetry.errors import (
    AlreadyExistsError,
    CorruptionError,
    FormatVersionError,
    KeyViolationError,
    LayoutError,
    NotFoundError,
    ParameterError,
    ParquetryError,
    RequestError,
    SchemaMismatchError,
    StorageError,
    UnknownColumnError,
)
from parquetry.tables import TableSchema, column, squiggle
from parquetry.tables.content import content_hash, hash_frame
from parquetry.tables.file_versions import find_file_version
from tables.rows import MOMENT, good_row, good_rows

READINGS = TableSchema(
    "readings",
    columns=(
        column("meter", "string"),
        column("hour", "int64"),
        column("power", "float64", at_least=0),
        column("notes", "string?"),
    ),
    primary_key=("meter", "hour"),
    version="1.0",
    partition_by=("meter",),
    sort_by=("hour",),
)


def readings(*hours: int, meter: str = "m1") -> list[dict[str, object]]:
    return [{"meter": meter, "hour": hour, "power": 1.0} for hour in hours]


def contents(folder: Path) -> dict[str, bytes]:
    """Every data file, commit record, schema and link below a folder; locks say nothing."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "lock" not in path.name
    }


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def dataset(store):
    return store.create_dataset("readings", READINGS)


@pytest.mark.parametrize("table", list(squiggle.TABLES), ids=lambda table: table.name)
def test_every_table_is_created_written_and_queried(store, table):
    dataset = store.create_dataset(table.name, table)
    assert dataset.table == table
    assert dataset.partition_by == table.partition_by
    assert store.sql(f'select count(*) from "{table.name}"').fetchone() == (0,)
    rows = good_rows(table, 5)
    dataset.append(rows)
    assert content_hash(dataset.files()) == hash_frame(rows)
    assert store.sql(f'select count(*) from "{table.name}"').fetchone() == (5,)
    assert {str(find_file_version(path, table.name)) for path in dataset.files()} == {table.version}
    assert dataset.check().is_sound


def test_the_schema_and_the_link_stand_in_the_store(store, dataset):
    state = Path(store.path) / ".parquetry"
    kept = (state / "schemas" / "readings@1.0.json").read_text()
    assert TableSchema.from_json(kept) == READINGS
    link = json.loads((state / "datasets" / "readings" / "table.json").read_text())
    assert link == {"format": 1, "table": "readings@1.0", "kind": "fact"}


def test_every_handle_knows_the_table(store, dataset):
    assert Dataset(dataset.path).table == READINGS
    assert pickle.loads(pickle.dumps(dataset)).table == READINGS
    assert store.dataset("others").table is None


def test_creating_again_returns_the_dataset_that_is_there(store, dataset):
    dataset.append(readings(1))
    again = store.create_dataset("readings", READINGS)
    assert again.count() == 1
    in_other_words = replace(READINGS, purpose="What the meters said.")
    assert store.create_dataset("readings", in_other_words).table == READINGS


@pytest.mark.parametrize(
    "other",
    [
        replace(READINGS, version="1.1"),
        replace(READINGS, columns=(*READINGS.columns, column("more", "string?"))),
        squiggle.RUNS,
    ],
    ids=["another version", "the same version with other columns", "another table"],
)
def test_another_schema_is_refused_and_nothing_changes(store, dataset, other):
    dataset.append(readings(1))
    before = contents(Path(store.path))
    with pytest.raises(AlreadyExistsError, match="Nothing was changed"):
        store.create_dataset("readings", other)
    assert contents(Path(store.path)) == before


def test_what_is_no_schema_is_refused(store):
    with pytest.raises(ParameterError, match="not with dict"):
        store.create_dataset("readings", {"meter": "string"})
    assert contents(Path(store.path)) == {}


def test_a_version_means_one_schema_in_the_whole_store(store, dataset):
    other = replace(READINGS, primary_key=("meter",))
    with pytest.raises(AlreadyExistsError, match=r"version 2\.0"):
        store.create_dataset("more_readings", other)
    assert store.datasets() == ["readings"]


def test_a_dataset_without_a_table_is_not_made_one(store):
    store.dataset("readings").append(readings(1))
    with pytest.raises(AlreadyExistsError, match="without a table"):
        store.create_dataset("readings", READINGS)


@pytest.mark.parametrize("key", ["step", "value", "wall_time_utc"])
def test_folders_are_never_named_by_step_or_by_what_text_does_not_keep(store, key):
    with pytest.raises(LayoutError, match=key):
        store.create_dataset("metrics", squiggle.METRICS_SCALAR, partition_by=[key])
    assert contents(Path(store.path)) == {}
    assert store.datasets() == []


def test_the_owner_may_choose_other_keys_for_the_folders(store):
    keys = ("run_id", "metric_name")
    dataset = store.create_dataset("metrics", squiggle.METRICS_SCALAR, partition_by=keys)
    assert dataset.partition_by == keys
    assert store.create_dataset("metrics", squiggle.METRICS_SCALAR).partition_by == keys
    with pytest.raises(LayoutError):
        store.create_dataset("metrics", squiggle.METRICS_SCALAR, partition_by=["run_id"])
    with pytest.raises(UnknownColumnError):
        store.create_dataset("other", squiggle.METRICS_SCALAR, partition_by=["run"])


BAD = {
    "a wrong type": ("runs", {"seed": "seven"}, SchemaMismatchError),
    "a value that its type cannot hold": ("runs", {"seed": 2**40}, SchemaMismatchError),
    "an unknown value of an enum": ("runs", {"run_mode": "guessed"}, SchemaMismatchError),
    "a key that is NULL": ("runs", {"run_id": None}, KeyViolationError),
    "a key twice in the batch": ("runs", {"run_id": "run_id-1"}, KeyViolationError),
    "lists of unequal length": (
        "events",
        {"source_run_ids": ["a", "b"], "source_event_ids": ["a"]},
        SchemaMismatchError,
    ),
    "a composite event with a single metric": (
        "events_candidates",
        {"event_type": "change_point_composite", "metric": "__composite__", "metric_size": 1.0},
        SchemaMismatchError,
    ),
    "an unknown column": ("runs", {"sead": 1}, SchemaMismatchError),
}


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused_with_nothing_written(store, bad):
    name, values, error = BAD[bad]
    table = squiggle.TABLES[name]
    dataset = store.create_dataset(name, table)
    dataset.append(good_rows(table, 1))
    before = contents(Path(store.path))
    rows = [good_row(table, 1), good_row(table, 2) | values]
    with pytest.raises(error, match="Nothing was written") as caught:
        dataset.append(rows)
    assert table.name in str(caught.value)
    assert caught.value.outcome == "unchanged"
    assert contents(Path(store.path)) == before
    assert store.datasets() == [name]


def test_a_key_that_the_dataset_has_is_refused_with_nothing_written(store, dataset):
    dataset.append(readings(1, 2))
    before = contents(Path(store.path))
    with pytest.raises(
        KeyViolationError, match=r"1 of these rows have a key that readings@1\.0 has"
    ):
        dataset.append(readings(2, 3))
    assert contents(Path(store.path)) == before
    dataset.append(readings(3))
    dataset.append(readings(2, meter="m2"))
    assert dataset.count() == 4


def test_keys_hold_across_folders_that_are_not_named_by_the_key(store):
    by_split = replace(squiggle.SAMPLES, partition_by=("split", "sample_set"))
    dataset = store.create_dataset("samples", by_split)
    row = good_row(by_split)
    dataset.append([row])
    other = next(value for value in by_split.column("split").one_of if value != row["split"])
    with pytest.raises(KeyViolationError):
        dataset.append([row | {"split": other}])
    assert dataset.count() == 1


def test_keys_hold_against_files_of_others(store, dataset):
    dataset.append(readings(1))
    folder = Path(dataset.path) / "meter=m1"
    pl.DataFrame(readings(7)).write_parquet(folder / "foreign.parquet")
    with pytest.raises(KeyViolationError, match="hour=7"):
        dataset.append(readings(7))


@pytest.mark.parametrize("round_", range(3))
def test_of_many_writers_of_one_key_exactly_one_wins(store, dataset, round_):
    writers = 8
    start = Barrier(writers)

    def write(number: int) -> bool:
        handle = Dataset(dataset.path)
        rows = readings(0) + readings(number + 1)
        start.wait()
        try:
            handle.append(rows)
        except KeyViolationError:
            return False
        return True

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(write, range(writers)))
    assert won.count(True) == 1
    assert dataset.count() == 2


def test_many_writers_of_different_keys_all_get_in(store, dataset):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: Dataset(dataset.path).append(readings(n)), range(12)))
    assert sorted(dataset.scan().collect()["hour"]) == list(range(12))


def test_a_quarantine_keeps_the_bad_rows_with_the_rules_they_broke(store, dataset):
    dataset.append(readings(1))
    rows = [*readings(1, 2, 3, 3), *readings(4)]
    rows[1]["power"] = -1.0
    record = dataset.append(rows, on_invalid="quarantine")
    assert record.rows_added == 1
    assert sorted(dataset.scan().collect()["hour"]) == [1, 4]
    found = store.sql("select hour, rule from readings_quarantine order by hour").fetchall()
    assert found == [
        (1, "primary key: not there already"),
        (2, "power: >= 0"),
        (3, "primary key"),
        (3, "primary key"),
    ]


def test_a_quarantine_takes_all_rows_if_none_is_good(store, dataset):
    record = dataset.append([{**readings(1)[0], "power": -1.0}], on_invalid="quarantine")
    assert record.rows_added == 1
    assert dataset.count() == 0
    assert store.dataset("readings_quarantine").count() == 1


def test_columns_that_do_not_fit_are_no_matter_of_a_quarantine(store, dataset):
    with pytest.raises(SchemaMismatchError, match="pover"):
        dataset.append([{"meter": "m", "hour": 1, "pover": 1.0}], on_invalid="quarantine")
    assert store.datasets() == ["readings"]


def test_a_quarantine_needs_a_table(store):
    with pytest.raises(ParameterError, match="of no table"):
        store.dataset("plain").append([{"a": 1}], on_invalid="quarantine")
    with pytest.raises(ParameterError, match="on_invalid"):
        store.dataset("plain").append([{"a": 1}], on_invalid="drop")
    assert store.datasets() == []


def test_appending_nothing_is_refused(dataset):
    with pytest.raises(ParameterError, match="no rows"):
        dataset.append([])


def test_batches_are_one_call_with_one_key(dataset):
    with pytest.raises(KeyViolationError):
        dataset.append(pl.DataFrame(readings(1)) for _ in range(2))
    dataset.append(pl.DataFrame(readings(n)) for n in range(2))
    assert dataset.count() == 2


def test_rows_are_sorted_as_the_table_recommends(dataset):
    dataset.append(readings(3, 1, 2))
    (path,) = dataset.files()
    assert pq.read_table(path)["hour"].to_pylist() == [1, 2, 3]


EVERY_ROW = pl.lit(1) == 1
CHANGES = {
    "delete": lambda dataset: dataset.delete(EVERY_ROW),
    "update": lambda dataset: dataset.update(EVERY_ROW, {"notes": "x"}),
    "upsert": lambda dataset: dataset.upsert(
        dataset.scan().collect(), list(dataset.table.primary_key)
    ),
    "plan the deletion of": lambda dataset: dataset.plan_delete(EVERY_ROW),
}


@pytest.mark.parametrize("verb", CHANGES)
def test_facts_are_only_ever_added(store, dataset, verb):
    dataset.append(readings(1))
    before = contents(Path(store.path))
    with pytest.raises(RequestError, match=r"rows of .*readings: it holds facts, readings@1\.0"):
        CHANGES[verb](dataset)
    assert contents(Path(store.path)) == before


@pytest.mark.parametrize("verb", CHANGES)
def test_interpretations_and_rows_of_no_table_can_be_changed(store, verb):
    for dataset in (store.create_dataset("matches", squiggle.MATCHES), store.dataset("plain")):
        dataset.append(good_rows(squiggle.MATCHES, 2))
        if dataset.table is None and verb == "upsert":
            continue
        CHANGES[verb](dataset)
        assert dataset.count() == (0 if verb == "delete" else 2)
        if verb == "update":
            assert set(dataset.scan().collect()["notes"]) == {"x"}


def test_files_say_their_version_through_every_change_of_layout(store, dataset):
    for hour in range(3):
        dataset.append(readings(hour))
    rows = content_hash(dataset.files())
    dataset.compact()
    dataset.repartition([])
    assert content_hash(dataset.files()) == rows
    assert {str(find_file_version(path, "readings")) for path in dataset.files()} == {"1.0"}
    with pytest.raises(KeyViolationError):
        dataset.append(readings(1))
    dataset.append(readings(7))
    assert dataset.count() == 4


def foreign_file(dataset: Dataset, said: str, hour: int = 9) -> Path:
    folder = Path(dataset.path) / "meter=m1"
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame(readings(hour)).to_arrow()
    pq.write_table(
        table.replace_schema_metadata({"parquetry.table": said}), folder / "foreign.parquet"
    )
    return folder / "foreign.parquet"


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.dataset("readings").append(readings(2)),
        lambda store: store.dataset("readings").append(readings(2), on_invalid="quarantine"),
        lambda store: store.dataset("readings").scan().collect(),
        lambda store: store.sql("select * from readings"),
    ],
    ids=["append", "quarantine", "scan", "sql"],
)
def test_a_file_of_a_newer_major_version_is_refused(store, dataset, use):
    dataset.append(readings(1))
    foreign_file(dataset, "readings@2.0")
    before = contents(Path(store.path))
    with pytest.raises(FormatVersionError, match=r"foreign\.parquet holds rows of readings@2\.0"):
        use(store)
    assert contents(Path(store.path)) == before


@pytest.mark.parametrize("said", ["readings@0.9", "runs@1.0"])
@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.dataset("readings").append(readings(2)),
        lambda store: store.dataset("readings").scan().collect(),
        lambda store: store.sql("select * from readings"),
    ],
    ids=["append", "scan", "sql"],
)
def test_a_file_of_an_older_major_version_or_of_another_table_is_refused(store, dataset, use, said):
    dataset.append(readings(1))
    foreign_file(dataset, said)
    before = contents(Path(store.path))
    with pytest.raises(SchemaMismatchError, match=rf"foreign\.parquet holds rows of {said}"):
        use(store)
    assert contents(Path(store.path)) == before


def test_a_file_of_a_newer_minor_version_is_read_and_written_beside(store, dataset):
    dataset.append(readings(1))
    foreign_file(dataset, "readings@1.7")
    dataset.append(readings(2))
    assert sorted(dataset.scan().collect()["hour"]) == [1, 2, 9]


WIDER = replace(
    READINGS,
    version="1.1",
    columns=(*READINGS.columns, column("place", "string?")),
)


def test_a_dataset_goes_on_to_a_later_minor_version(store, dataset):
    dataset.append(readings(1))
    dataset.evolve(WIDER)
    assert dataset.evolve(WIDER).table == WIDER
    dataset.append([{**readings(2)[0], "place": "roof"}])
    rows = store.sql("select hour, place from readings order by hour").fetchall()
    assert rows == [(1, None), (2, "roof")]
    assert [table.version for table in store.schemas()] == ["1.0", "1.1"]
    assert {str(find_file_version(path, "readings")) for path in dataset.files()} == {"1.0", "1.1"}
    with pytest.raises(KeyViolationError):
        dataset.append(readings(1))


@pytest.mark.parametrize(
    "schema",
    [
        replace(WIDER, version="1.0", columns=(*READINGS.columns, column("x", "string?"))),
        replace(WIDER, primary_key=("meter",)),
        replace(WIDER, version="2.0", primary_key=("meter",)),
        replace(READINGS, version="0.9"),
    ],
    ids=["not a later version", "too small a step", "a MAJOR version", "an earlier version"],
)
def test_a_dataset_goes_on_to_nothing_else(store, dataset, schema):
    dataset.append(readings(1))
    before = contents(Path(store.path))
    with pytest.raises((SchemaMismatchError, AlreadyExistsError), match="Nothing was changed"):
        dataset.evolve(schema)
    assert contents(Path(store.path)) == before
    with pytest.raises(NotFoundError):
        store.dataset("plain").evolve(WIDER)


def test_a_lost_schema_is_named_and_costs_no_data(store, dataset):
    dataset.append(readings(1))
    (Path(store.path) / ".parquetry" / "schemas" / "readings@1.0.json").unlink()
    with pytest.raises(CorruptionError, match=r"readings@1\.0"):
        dataset.append(readings(2))
    assert dataset.count() == 1


def test_a_link_that_cannot_be_read_is_named(store, dataset):
    link = Path(store.path) / ".parquetry" / "datasets" / "readings" / "table.json"
    for content in ("", "[]", "{}", '{"format": 1, "table": "x", "kind": "fact"}'):
        link.unlink()
        link.write_text(content)
        with pytest.raises(CorruptionError, match=r"table\.json"):
            Dataset(dataset.path).append(readings(1))
    link.unlink()
    link.write_text('{"format": 99, "table": "readings@1.0", "kind": "fact"}')
    with pytest.raises(FormatVersionError):
        Dataset(dataset.path).append(readings(1))


def test_a_dataset_that_lost_its_link_or_schema_is_created_again_with_its_rows(store, dataset):
    dataset.append(readings(1))
    state = Path(store.path) / ".parquetry"
    for lost in (state / "schemas" / "readings@1.0.json", None):
        (state / "datasets" / "readings" / "table.json").unlink()
        if lost is not None:
            lost.unlink()
        again = store.create_dataset("readings", READINGS)
        assert again.table == READINGS
        with pytest.raises(KeyViolationError):
            again.append(readings(1))
    (state / "datasets" / "readings" / "table.json").unlink()
    pl.DataFrame(readings(9)).write_parquet(Path(dataset.path) / "meter=m1" / "foreign.parquet")
    with pytest.raises(AlreadyExistsError, match="without a table"):
        store.create_dataset("readings", READINGS)


def match(analysis: str, day: int) -> dict[str, object]:
    row = good_row(squiggle.MATCHES)
    return row | {"analysis_id": analysis, "created_at_utc": MOMENT + dt.timedelta(days=day)}


def test_interpretations_stand_beside_each_other_and_latest_shows_one(store):
    dataset = store.create_dataset("my_matches", squiggle.MATCHES)
    dataset.append([match("first", 0)])
    dataset.append([match("second", 1)])
    assert set(store.sql("from my_matches").pl()["analysis_id"]) == {"first", "second"}
    assert store.sql("select analysis_id from my_matches_latest").fetchall() == [("second",)]
    assert store.sql("select analysis_id from MY_MATCHES_LATEST").fetchall() == [("second",)]
    assert list(store.views()) == ["my_matches_latest"]


def test_facts_have_no_latest_and_a_dataset_keeps_its_name(store, dataset):
    store.create_dataset("matches", squiggle.MATCHES)
    store.dataset("matches_latest").append([{"mine": 1}])
    assert store.views() == {}
    assert store.sql("from matches_latest").fetchall() == [(1,)]


@pytest.mark.parametrize("mode", ["die", "error"])
def test_creating_can_be_completed_wherever_it_stopped(tmp_path, mode):
    counting = FaultyStorage()
    (tmp_path / "counted").mkdir()
    Store(tmp_path / "counted", storage=counting).create_dataset("readings", READINGS)
    assert len(counting.calls) > 10
    for call in range(1, len(counting.calls) + 1):
        folder = tmp_path / f"{mode}-{call}"
        folder.mkdir()
        with pytest.raises((Died, StorageError)):
            Store(folder, storage=FaultyStorage(call, mode)).create_dataset("readings", READINGS)
        dataset = Store(folder).create_dataset("readings", READINGS)
        assert dataset.table == READINGS
        assert dataset.partition_by == ("meter",)
        dataset.append(readings(1))
        assert dataset.count() == 1


def test_errors_of_tables_can_be_pickled(dataset):
    dataset.append(readings(1))
    with pytest.raises(ParquetryError) as caught:
        dataset.append(readings(1))
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
