"""The commands that change rows show a plan, ask, and do what the plan said."""

from __future__ import annotations

import polars as pl
import pytest

from parquetry import Dataset
from parquetry.tables import TableSchema, column


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
    assert "1 row deleted" in dry.out
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


EVERY_VERB = [
    (("delete", "--where", "id = 1"), "deleted"),
    (("update", "--where", "id = 1", "--set", "price=7"), "updated"),
    (("upsert", "--from", "new.csv", "--on", "id"), "inserted"),
    (("compact",), "become 2"),
    (("repartition", "id"), "-> ['id']"),
]


@pytest.fixture
def new_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("product,id,price\nSOL,9,5.0\n")


@pytest.mark.parametrize(("arguments", "text"), EVERY_VERB, ids=lambda one: one[0])
def test_every_verb_can_be_looked_at_first(run, trades, new_rows, arguments, text):
    trades.append(
        [{"product": "BTC", "id": 4, "price": 1.0}, {"product": "ETH", "id": 5, "price": 1.0}]
    )
    before, files = rows(trades), trades.files()
    verb, *rest = arguments
    found = run(verb, trades.path, *rest, "--dry-run")
    assert found.code == 0, found.err
    assert text in found.out
    assert "nothing was changed" in found.out
    assert (rows(trades), trades.files()) == (before, files)
    refused = run(verb, trades.path, *rest)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert (rows(trades), trades.files()) == (before, files)
    assert run(verb, trades.path, *rest, "--yes").code == 0
    assert trades.files() != files


@pytest.mark.parametrize(("arguments", "text"), EVERY_VERB, ids=lambda one: one[0])
def test_a_bar_moves_in_a_terminal_and_nothing_when_piped(
    run, trades, new_rows, monkeypatch, arguments, text
):
    trades.append(
        [{"product": "BTC", "id": 4, "price": 1.0}, {"product": "ETH", "id": 5, "price": 1.0}]
    )
    verb, *rest = arguments
    assert run(verb, trades.path, *rest, "--dry-run").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    seen = run(verb, trades.path, *rest, "--yes")
    assert "changing files" in seen.err
    assert text in seen.out


def test_a_backup_is_restored_by_its_folder(run, trades, tmp_path):
    before = rows(trades)
    aside = tmp_path / "backups"
    assert run("delete", trades.path, "--where", "id = 1", "--backup-dir", aside, "--yes").code == 0
    trades.append([{"product": "BTC", "id": 4, "price": 1.0}])
    (backup,) = aside.iterdir()
    dry = run("restore", trades.path, "--backup", backup, "--dry-run")
    assert "that delete replaced" in dry.out
    assert len(rows(trades)) == len(before)
    done = run("restore", trades.path, "--backup", backup, "--yes")
    assert done.code == 0, done.err
    assert rows(trades) == [*before, ("BTC", 4, 1.0)]
    again = run("restore", trades.path, "--backup", backup, "--yes")
    assert again.code != 0
    assert "Traceback" not in again.err


def test_a_restore_goes_to_a_version_or_to_a_backup(run, trades):
    assert "name a version" in run("restore", trades.path, "--yes").err
    assert "not both" in run("restore", trades.path, "1", "--backup", "somewhere", "--yes").err
    absent = run("restore", trades.path, "--backup", "somewhere", "--yes")
    assert absent.code == 3
    assert "somewhere" in absent.err


def test_floats_of_a_text_file_get_the_width_of_their_table(run, tmp_path):
    table = TableSchema(
        "scores",
        (column("analysis_id", "string"), column("id", "int64"), column("score", "float32")),
        kind="interpretation",
        primary_key=("analysis_id", "id"),
    )
    scores = Dataset(tmp_path / "store" / "scores").create(table)
    new = tmp_path / "new.csv"
    new.write_text("analysis_id,id,score\na,1,0.1\n")
    keys = ("--on", "analysis_id", "--on", "id")
    assert run("upsert", scores.path, "--from", new, *keys, "--yes").code == 0
    assert scores.scan().collect()["score"].to_list() == pytest.approx([0.1])
    bad = run("update", scores.path, "--where", "id = 1", "--set", "score=NULL", "--yes")
    assert bad.code == 2
    assert "score: not NULL" in bad.err
    assert "Nothing was changed" in bad.err


@pytest.fixture
def agreeing(monkeypatch, trades):
    """Somebody who says yes after somebody else was faster."""

    def confirm(_question: str, *, yes: bool) -> bool:
        Dataset(trades.path).delete(pl.col("id") == 1)
        return True

    monkeypatch.setattr("parquetry.cli.asking.confirm", confirm)


def test_what_was_agreed_to_is_done_or_nothing_is(run, trades, agreeing):
    found = run("delete", trades.path, "--where", "price > 500")
    assert found.code != 0
    assert "Nothing was changed" in found.err
    assert [row[1] for row in rows(trades)] == [2, 3]


def test_who_does_not_ask_plans_again(run, trades, agreeing):
    found = run("delete", trades.path, "--where", "price > 500", "--yes")
    assert found.code == 0, found.err
    assert [row[1] for row in rows(trades)] == [3]
