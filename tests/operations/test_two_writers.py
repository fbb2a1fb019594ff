"""Two writers on one partition: each change is made once, and no row is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import polars as pl
import pytest

from operations.folders import Folder
from parquetry.errors import ConflictError
from parquetry.operations import running
from parquetry.operations.deleting import delete
from parquetry.operations.updating import update
from parquetry.operations.upserting import upsert

c = pl.col
ROWS = 40


@pytest.fixture
def folder(tmp_path) -> Folder:
    made = Folder(tmp_path)
    made.append(pl.DataFrame({"day": "a", "k": range(ROWS), "v": 0}), "day")
    return made


def together(folder: Folder, *works) -> list:
    """Run calls at once, each with a handle of its own."""

    def run(work):
        return work(Folder(folder.store))

    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result() for one in [pool.submit(run, work) for work in works]]


def test_changes_to_one_file_are_all_made(folder):
    def deleting(mine: Folder) -> None:
        for k in range(0, 10, 2):
            assert delete(*mine.parts, c("k") == k, retries=50).rows_deleted == 1

    def updating(mine: Folder) -> None:
        for k in range(1, 10, 2):
            assert update(*mine.parts, c("k") == k, {"v": c("v") + 1}, retries=50).rows_updated == 1

    def upserting(mine: Folder) -> None:
        for k in range(5):
            new = pl.DataFrame({"day": "a", "k": [20 + k, 100 + k], "v": 9})
            result = upsert(*mine.parts, new, ["k"], retries=50)
            assert (result.rows_updated, result.rows_inserted) == (1, 1)

    def appending(mine: Folder) -> None:
        for k in range(5):
            mine.append(pl.DataFrame({"day": "a", "k": [200 + k], "v": 5}))

    together(folder, deleting, updating, upserting, appending)
    wanted = {k: 0 for k in range(ROWS) if k not in range(0, 10, 2)}
    wanted |= dict.fromkeys(range(1, 10, 2), 1) | dict.fromkeys(range(20, 25), 9)
    wanted |= dict.fromkeys(range(100, 105), 9) | dict.fromkeys(range(200, 205), 5)
    assert sorted(folder.frame().select("k", "v").rows()) == sorted(wanted.items())


def test_of_two_at_the_same_moment_one_wins_and_the_other_is_told(folder, monkeypatch):
    both_planned = Barrier(2, timeout=20)
    real = running.open_staging

    def wait_for_the_other(*arguments):
        both_planned.wait()
        return real(*arguments)

    monkeypatch.setattr(running, "open_staging", wait_for_the_other)

    def change(value: int):
        def run(mine: Folder) -> bool:
            try:
                update(*mine.parts, c("k") < 20, {"v": value}, retries=0)
            except ConflictError as error:
                return error.outcome != "unchanged"
            return True

        return run

    won = together(folder, change(1), change(2))
    assert sorted(won) == [False, True]
    assert set(folder.frame().filter(c("k") < 20)["v"]) == {1 if won[0] else 2}
    assert len(folder.frame()) == ROWS


def test_two_upserts_of_one_new_key_insert_it_once(folder):
    def upserting(mine: Folder) -> None:
        upsert(*mine.parts, [{"day": "a", "k": 500, "v": 1}], ["k"], retries=50)

    together(folder, *[upserting] * 4)
    assert folder.frame()["k"].to_list().count(500) == 1
