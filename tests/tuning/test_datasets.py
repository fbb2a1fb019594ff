"""Datasets come from a seed, from files or over the network, whole or not at all."""

from __future__ import annotations

import http.server
import threading

import polars as pl
import pytest

from parquetry import Store
from parquetry.errors import (
    AlreadyExistsError,
    CorruptionError,
    NotFoundError,
    ParameterError,
    RequestError,
    SchemaMismatchError,
    StorageError,
)
from parquetry.tuning.datasets.generating import generate
from parquetry.tuning.datasets.loading import load
from parquetry.tuning.datasets.tlc import fetched, month_url


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "data")


def test_the_same_seed_gives_the_same_rows_and_another_does_not(tmp_path):
    stores = [Store(tmp_path / str(n)) for n in range(3)]
    for one, seed in zip(stores, (1, 1, 2), strict=True):
        generate(one, "events", 3_000, seed=seed)
    first, again, other = (one.dataset("events").scan().collect() for one in stores)
    assert first.equals(again)
    assert not first.equals(other)


def test_generated_events_join_customers_and_are_skewed_and_nearly_in_order(store):
    made = generate(store, "events", 20_000)
    assert (made.rows, made.customers) == (20_000, 400)
    frame = store.dataset("events").scan().sort("event_id").collect()
    assert frame["event_id"].to_list() == list(range(20_000))
    assert frame["event_date"].equals(frame["event_time"].dt.date().rename("event_date"))
    assert store.sql(
        "select count(*) from events join customers using (customer_id, country)"
    ).fetchone() == (20_000,)
    shares = frame["customer_id"].value_counts(sort=True)["count"]
    assert shares[:40].sum() > 3 * shares[-40:].sum()
    month_of_id = frame.group_by(pl.col("event_id") // 2_000).agg(pl.col("event_time").median())
    assert month_of_id.sort("event_id")["event_time"].is_sorted()
    assert not frame["event_time"].is_sorted()


def test_the_example_query_of_the_documents_finds_rows(store):
    generate(store, "events", 1_000)
    found = store.sql("SELECT * FROM events WHERE event_date > '2024-01-01'")
    assert 0 < found.stats.rows < 1_000


def test_customers_that_are_there_are_kept(store):
    generate(store, "events", 10_000)
    more = generate(store, "more", 50_000)
    assert more.customers_kept
    assert store.dataset("customers").count() == more.customers == 200
    assert store.sql("select max(customer_id) < 200 from more").fetchone() == (True,)


def test_nothing_is_generated_over_rows_that_are_there(store):
    generate(store, "events", 100)
    with pytest.raises(AlreadyExistsError, match="100 rows"):
        generate(store, "events", 100)
    assert store.dataset("events").count() == 100


@pytest.mark.parametrize("rows", [0, -5])
def test_a_number_of_rows_that_is_none_is_refused(store, rows):
    with pytest.raises(ParameterError, match="1 or more"):
        generate(store, "events", rows)
    assert store.datasets() == []


def test_events_cannot_be_called_customers(store):
    with pytest.raises(ParameterError, match="another name"):
        generate(store, "customers", 5)


def write(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(path)


def test_columns_that_drifted_over_months_become_one(store, tmp_path):
    folder = tmp_path / "months"
    write(folder / "2019-01.parquet", id=[1], passengers=[2], airport_fee=[1.5])
    write(folder / "2019-02.parquet", id=[2], passengers=[1.0], Airport_fee=[2.5])
    write(folder / "2019-03.parquet", id=[3], passengers=[None], airport_fee=[None], tip=[1.0])
    loaded = load(store.dataset("trips"), folder)
    assert (loaded.source_files, loaded.rows, loaded.columns) == (3, 3, 4)
    assert loaded.notes == ("the column 'Airport_fee' is taken for 'airport_fee'",)
    frame = store.dataset("trips").scan().sort("id").collect()
    assert frame["airport_fee"].to_list() == [1.5, 2.5, None]
    assert frame["passengers"].to_list() == [2, 1, None]
    assert frame["tip"].to_list() == [None, None, 1.0]
    assert len(store.dataset("trips").history()) == 1


def test_a_column_that_no_type_holds_names_its_file_and_nothing_is_loaded(store, tmp_path):
    folder = tmp_path / "months"
    write(folder / "2019-01.parquet", id=[1], zone=[7])
    write(folder / "2019-02.parquet", id=[2], zone=["JFK"])
    with pytest.raises(SchemaMismatchError, match=r"2019-02\.parquet.*'zone'"):
        load(store.dataset("trips"), folder)
    assert not store.dataset("trips").exists or not store.dataset("trips").files()


def test_folders_named_key_value_give_columns(store, tmp_path):
    write(tmp_path / "hive/year=2019/a.parquet", id=[1])
    write(tmp_path / "hive/year=2020/a.parquet", id=[2])
    load(store.dataset("trips"), tmp_path / "hive")
    assert store.sql("select id, year from trips order by id").fetchall() == [(1, 2019), (2, 2020)]


def test_csv_and_parquet_of_one_table_are_loaded_together(store, tmp_path):
    write(tmp_path / "src/a.parquet", id=[1], name=["x"])
    (tmp_path / "src/b.csv").write_text("id,name\n2,y\n")
    (tmp_path / "src/readme.txt").write_text("no data")
    assert load(store.dataset("t"), tmp_path / "src").rows == 2


def test_different_tables_are_refused_with_a_pattern_that_helps(store, tmp_path):
    for month in ("01", "02"):
        write(tmp_path / f"src/yellow_2019-{month}.parquet", id=[1], fare=[2.0])
    write(tmp_path / "src/zones.parquet", zone=[1], borough=["Queens"])
    with pytest.raises(RequestError, match=r"--pattern 'yellow_2019-0\*\.parquet'"):
        load(store.dataset("t"), tmp_path / "src")
    assert load(store.dataset("t"), tmp_path / "src", pattern="yellow_2019-0*.parquet").rows == 2


def test_what_cannot_be_loaded_is_named(store, tmp_path):
    with pytest.raises(NotFoundError, match="nothing to load"):
        load(store.dataset("t"), tmp_path / "absent")
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(RequestError, match=r"neither in \.parquet nor in \.csv"):
        load(store.dataset("t"), tmp_path / "x.txt")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CorruptionError, match=r"x\.parquet"):
        load(store.dataset("t"), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(CorruptionError, match=r"x\.csv, line 3"):
        load(store.dataset("t"), tmp_path / "x.csv")
    assert store.datasets() == []


def test_rows_are_added_to_rows_only_when_asked(store, tmp_path):
    write(tmp_path / "a.parquet", id=[1])
    load(store.dataset("t"), tmp_path / "a.parquet")
    with pytest.raises(AlreadyExistsError, match="--append"):
        load(store.dataset("t"), tmp_path / "a.parquet")
    load(store.dataset("t"), tmp_path / "a.parquet", append=True)
    assert store.dataset("t").count() == 2


@pytest.mark.data
def test_twelve_months_of_taxi_trips_are_one_dataset(store, real_data):
    with pytest.raises(RequestError, match="3 different tables"):
        load(store.dataset("nyc_taxi"), real_data / "taxi")
    loaded = load(store.dataset("nyc_taxi"), real_data / "taxi", pattern="yellow*")
    assert (loaded.source_files, loaded.rows, loaded.columns) == (12, 120_000, 18)
    count = "select count(*), count(congestion_surcharge), count(pickup_datetime) from nyc_taxi"
    assert store.sql(count).fetchone() == (120_000, 113_673, 120_000)


@pytest.fixture
def server(tmp_path):
    """A server of files on this machine, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

        def do_GET(self):
            if "broken" in self.path:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"PAR1 cut")
                return
            if "busy" in self.path:
                self.send_error(503)
                return
            super().do_GET()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{one.server_address[1]}"
        one.shutdown()
        thread.join()


def test_a_month_is_fetched_loaded_and_let_go(store, server, tmp_path):
    folder, address = server
    write(folder / "yellow_tripdata_2023-01.parquet", id=[1, 2])
    url = month_url(address, "yellow", 2023, 1)
    aside = tmp_path / "aside"
    aside.mkdir()
    with fetched(url, str(aside), timeout_seconds=5) as path:
        assert load(store.dataset("nyc_taxi"), path).rows == 2
    assert not list(aside.iterdir())


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("absent.parquet", NotFoundError, "404"),
        ("broken.parquet", StorageError, "8 of 1,000 bytes|IncompleteRead"),
        ("busy.parquet", StorageError, "503"),
        ("page.parquet", StorageError, "no Parquet file"),
    ],
)
def test_a_server_that_fails_is_told_and_leaves_nothing(server, tmp_path, name, error, words):
    folder, address = server
    (folder / "page.parquet").write_text("<html>please log in</html>")
    aside = tmp_path / "aside"
    aside.mkdir()
    with (
        pytest.raises(error, match=words) as raised,
        fetched(f"{address}/{name}", str(aside), timeout_seconds=5),
    ):
        pass
    assert "Nothing was loaded" in str(raised.value)
    assert not list(aside.iterdir())


def test_nothing_is_fetched_where_it_cannot_stand(server, tmp_path):
    with (
        pytest.raises(StorageError, match=r"No such file.*Nothing was loaded"),
        fetched(f"{server[1]}/any.parquet", str(tmp_path / "nowhere"), timeout_seconds=5),
    ):
        pass


def test_without_a_network_the_way_on_is_named(tmp_path):
    with (
        pytest.raises(StorageError, match="load-dataset"),
        fetched("http://127.0.0.1:9/x.parquet", str(tmp_path), timeout_seconds=1),
    ):
        pass


@pytest.mark.parametrize(
    ("color", "year", "month", "base", "words"),
    [
        ("blue", 2023, 1, "https://x", "yellow, green"),
        ("yellow", 2023, 13, "https://x", "month 13"),
        ("yellow", 2001, 1, "https://x", "2009"),
        ("yellow", 2023, 1, "file:///etc", "NYC_TAXI_URL"),
    ],
)
def test_a_month_that_cannot_be_is_refused(color, year, month, base, words):
    with pytest.raises(ParameterError, match=words):
        month_url(base, color, year, month)
