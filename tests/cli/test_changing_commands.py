"""The commands that change rows show a plan, ask, and do what the plan said."""

from __future__ import annotations

import polars as pl
import pytest

from parquetry import Dataset


@pytest.fixture
def trades(tmp_path) -> Dataset:
    dataset = Dataset(tmp_path / "store" / "trades")
    frame = pl.DataFrame(
        {"product": ["BTC", "BTC", "ETH"], "id": [1, 2, 3], "price": [10.0, 600.0, 30.0]}
    )
    dataset.append(frame, partition_by=["product"])
    return dataset


def rows(dataset: Dataset) -> list[tuple[object, ...]]:
    return dataset.scan().select("product", "id", "price").sort("id").collect().rows()


def test_delete_shows_its_plan_and_then_does_it(run, trades):
    before = rows(trades)
    dry = run("delete", trades.path, "--where", "price > 500", "--dry-run")
    assert "1 rows deleted" in dry.out
    assert rows(trades) == before
    done = run("delete", trades.path, "--where", "price > 500", "--yes")
    assert done.code == 0
    assert ["rows_deleted", "1"] in done.table
    assert [row[1] for row in rows(trades)] == [1, 3]
    assert "parquetry restore" in done.out


def test_delete_is_narrowed_by_partitions(run, trades):
    run("delete", trades.path, "--where", "price > 0", "--partition", "product=ETH", "--yes")
    assert [row[0] for row in rows(trades)] == ["BTC", "BTC"]


def test_update_sets_columns_by_expressions(run, trades):
    done = run(
        "update", trades.path, "--where", "product = 'ETH'", "--set", "price=price * 2", "--yes"
    )
    assert done.code == 0, done.err
    assert rows(trades)[2] == ("ETH", 3, 60.0)


def test_upsert_reads_rows_from_a_file(run, trades, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("product,id,price\nBTC,1,11.5\nSOL,9,5.0\n")
    done = run("upsert", trades.path, "--from", new, "--on", "id", "--yes")
    assert done.code == 0, done.err
    assert rows(trades)[0] == ("BTC", 1, 11.5)
    assert rows(trades)[-1] == ("SOL", 9, 5.0)


def test_compact_and_repartition_keep_every_row(run, trades):
    trades.append([{"product": "BTC", "id": 4, "price": 1.0}])
    before = rows(trades)
    assert run("compact", trades.path, "--yes").code == 0
    assert len(trades.files()) == 2
    assert run("repartition", trades.path, "id", "--yes").code == 0
    assert trades.partition_by == ("id",)
    assert rows(trades) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("delete", "--where", "pric > 5", "--yes"), "pric"),
        (("delete", "--where", "price >", "--yes"), "--where"),
        (("delete", "--where", "price > 5", "--partition", "BTC", "--yes"), "key=value"),
        (("delete", "--where", "price > 5"), "--yes"),
        (("update", "--where", "id = 1", "--set", "nothing", "--yes"), "key=value"),
        (("upsert", "--from", "absent.csv", "--on", "id", "--yes"), "no such file"),
        (("upsert", "--from", "rows.xlsx", "--on", "id", "--yes"), ".parquet"),
        (("repartition", "nonsense", "--yes"), "nonsense"),
    ],
)
def test_bad_requests_change_nothing(run, trades, arguments, text):
    before = rows(trades)
    verb, *rest = arguments
    found = run(verb, trades.path, *rest)
    assert found.code in {2, 3}
    assert text in found.err
    assert "Traceback" not in found.err
    assert rows(trades) == before
