"""A plan that was looked at is carried out as it is, or not at all."""

from __future__ import annotations

import polars as pl
import pytest

from parquetry import Dataset
from parquetry.errors import ConflictError, ParameterError

c = pl.col
NEW = [{"product": "BTC", "id": 1, "price": 7.0}, {"product": "SOL", "id": 9, "price": 8.0}]
VERBS = {
    "delete": lambda call: call(c("id") == 1),
    "update": lambda call: call(c("id") == 1, {"price": c("price") * 2}),
    "upsert": lambda call: call(NEW, ["id"]),
    "compact": lambda call: call(min_file_count=2),
    "repartition": lambda call: call([]),
}


def planned(verb: str, data: Dataset):
    return VERBS[verb](getattr(data, f"plan_{verb}"))


def made(path) -> Dataset:
    data = Dataset(path)
    frame = pl.DataFrame({"product": ["BTC", "ETH"], "id": [1, 2], "price": [10.0, 20.0]})
    data.append(frame, partition_by=["product"])
    data.append(frame.with_columns(c("id") + 10))
    return data


def rows(data: Dataset) -> list[tuple[object, ...]]:
    return data.scan().select("product", "id", "price").sort("id").collect().rows()


@pytest.mark.parametrize("verb", VERBS)
def test_a_plan_does_what_its_verb_does(verb, tmp_path):
    first, second = made(tmp_path / "a" / "d"), made(tmp_path / "b" / "d")
    plan = planned(verb, first)
    ran, called = first.run(plan), VERBS[verb](getattr(second, verb))
    assert ran == called
    assert (rows(first), len(first.files())) == (rows(second), len(second.files()))
    assert first.history()[0].operation == second.history()[0].operation == verb
    assert (ran.rows_deleted, ran.rows_updated, ran.rows_inserted, ran.files_before) == (
        plan.rows_deleted,
        plan.rows_updated,
        plan.rows_inserted,
        len(plan.retire),
    )


@pytest.mark.parametrize("verb", VERBS)
def test_a_plan_whose_files_have_changed_is_not_carried_out(verb, tmp_path):
    data = made(tmp_path / "d")
    plan = planned(verb, data)
    data.update(c("product") == "BTC", {"price": 1.0})
    before = rows(data)
    with pytest.raises(ConflictError, match="Nothing was changed"):
        data.run(plan)
    assert rows(data) == before


def test_a_plan_is_for_its_dataset(tmp_path):
    plan = made(tmp_path / "a").plan_delete(c("id") == 1)
    other = made(tmp_path / "b")
    with pytest.raises(ParameterError, match="not for"):
        other.run(plan)
    assert len(rows(other)) == 4


def test_a_backup_is_kept_of_files_whose_rows_leave(tmp_path):
    data = made(tmp_path / "store" / "d")
    result = data.run(data.plan_delete(c("id") == 1), backup_dir=tmp_path / "backups")
    assert pl.read_parquet(f"{result.backup}/**/*.parquet")["id"].to_list() == [1]
    with pytest.raises(ParameterError, match="history"):
        data.run(data.plan_repartition([]), backup_dir=tmp_path / "backups")
