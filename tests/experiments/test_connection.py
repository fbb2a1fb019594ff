"""The plain connection reads what was written, with the types that it was written with."""

from __future__ import annotations

import pytest

from parquetry.errors import NotFoundError, RequestError, UnknownColumnError
from parquetry.experiments import (
    attach_grid_id,
    create_connection_and_views,
    query_events,
    query_seeds,
    write_event_rows,
    write_seed_rows,
)

EVENTS = [{"seed": 1, "event_id": 0, "op": "insert", "regret": 0.25}]


def test_ids_that_look_like_numbers_stay_text(tmp_path):
    ids = ["00000012", "12345678", "1e234567"]
    for grid_id in ids:
        write_event_rows(EVENTS, tmp_path, {"grid_id": grid_id, "name": grid_id})
    connection = create_connection_and_views(tmp_path)
    found = connection.execute("select grid_id, seed from events order by all").fetchall()
    assert found == [(grid_id, 1) for grid_id in ids]


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_wide_folders_have_the_types_of_their_parameters(tmp_path, gamma):
    params = attach_grid_id({"algo": "memorypair", "gamma_bar": gamma})
    write_event_rows(EVENTS, tmp_path, params, partition_by="wide")
    write_seed_rows([{"seed": 1, "score": 2.5}], tmp_path, params, partition_by="wide")
    connection = create_connection_and_views(tmp_path)
    for view in ("events", "seeds"):
        sql = f"select algo, gamma_bar, target_PT, seed from {view}"
        assert connection.execute(sql).fetchall() == [("memorypair", gamma, None, 1)]
    assert query_seeds(connection, f"gamma_bar = {gamma}")["score"].to_list() == [2.5]


def test_an_unknown_column_is_answered_with_those_that_there_are(tmp_path):
    write_event_rows(EVENTS, tmp_path, {"algo": "a"})
    connection = create_connection_and_views(tmp_path)
    with pytest.raises(UnknownColumnError, match=r"Did you mean 'regret'\?"):
        query_events(connection, "regrets < 1")
    with pytest.raises(UnknownColumnError, match="'sed'"):
        query_events(connection, filters={"sed": 1})
    with pytest.raises(RequestError, match="syntax error"):
        query_events(connection, "regret <")


def test_a_connection_for_reading_only_refuses_everything_else(tmp_path):
    write_event_rows(EVENTS, tmp_path / "store", {"algo": "a"})
    with create_connection_and_views(tmp_path / "store", read_only=True) as connection:
        assert query_events(connection, "regret < 1", filters={"algo": "a"}).height == 1
        assert connection.execute("select seed from events where seed = ?", [1]).fetchall() == [
            (1,)
        ]
        assert connection.sql("select algo from grids").fetchall() == [("a",)]
        assert connection.cursor().execute("explain from events").fetchall()
        for statement in (
            "create table t as select 1",
            f"copy events to '{tmp_path}/out.csv'",
            f"explain analyze copy events to '{tmp_path}/out.csv'",
            f"select 1; copy events to '{tmp_path}/out.csv'",
            "drop view events",
        ):
            with pytest.raises(RequestError, match="Only queries can be run here"):
                connection.execute(statement)
            with pytest.raises(RequestError, match="Only queries can be run here"):
                connection.cursor().sql(statement)
        with pytest.raises(AttributeError, match="'register'"):
            connection.register("t", None)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_cursors_of_a_connection_see_its_views(tmp_path):
    write_event_rows(EVENTS, tmp_path, {"algo": "a"})
    cursor = create_connection_and_views(tmp_path).cursor()
    assert cursor.execute("select algo, regret from events").fetchall() == [("a", 0.25)]
    assert cursor.execute("select algo from grids").fetchall() == [("a",)]


def test_a_view_that_cannot_be_is_answered_with_those_that_there_are(tmp_path):
    write_seed_rows([{"seed": 1, "score": 2.5}], tmp_path, {"algo": "a"})
    with pytest.raises(NotFoundError, match="There are: seeds, seeds_summary, status"):
        query_events(create_connection_and_views(tmp_path))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (1, [1]),
        ([1, 3], [1, 3]),
        ((2,), [2]),
        ({1, 2}, [1, 2]),
        (range(2, 9), [2, 3]),
        ([], []),
        (7, []),
    ],
)
def test_a_filter_is_a_value_or_several(tmp_path, wanted, found):
    for seed in (1, 2, 3):
        write_event_rows([{"seed": seed, "event_id": 0}], tmp_path, {"algo": "a"})
    connection = create_connection_and_views(tmp_path)
    rows = query_events(connection, "event_id = 0", filters={"seed": wanted})
    assert sorted(rows["seed"]) == found


def test_a_filter_on_none_means_null_and_a_text_is_one_value(tmp_path):
    rows = [
        {"seed": 1, "event_id": i, "op": op} for i, op in enumerate((None, "a", "ab", "b'; --"))
    ]
    write_event_rows(rows, tmp_path, {"algo": "a"})
    connection = create_connection_and_views(tmp_path)
    for wanted, count in ((None, 1), ([None, "a"], 2), ("ab", 1), ("b'; --", 1), ("x", 0)):
        assert query_events(connection, filters={"op": wanted}).height == count
    with pytest.raises(UnknownColumnError):
        query_events(connection, filters={"opp": []})
