"""Row groups that are looked into together: how many, and which of their rows are near a key."""

from __future__ import annotations

import polars as pl

from parquetry.operations.bundles import TOGETHER_ROWS, shared_out
from parquetry.operations.found_keys import Place, _near
from parquetry.operations.sought_keys import SoughtKeys


def bundles(count: int, rows: int) -> list[int]:
    return [len(some) for some in shared_out([rows] * count, lambda size: size)]


def test_few_rows_are_one_bundle_and_more_are_shared_by_threads():
    assert bundles(20, 16_667) == [20]
    assert bundles(32, 16_667) == [16, 16]
    assert len(bundles(64, 16_667)) == 4
    assert len(bundles(600, 16_667)) > 4
    assert all(some * 16_667 <= TOGETHER_ROWS for some in bundles(600, 16_667))
    assert bundles(3, 10 * TOGETHER_ROWS) == [1, 1, 1]
    assert shared_out([], len) == []


def test_a_row_is_near_a_key_of_its_own_folder_alone():
    new = pl.DataFrame({"p": ["a", "b", "b"], "id": [1, 2, 3]})
    sought = SoughtKeys(new, ["p"])
    a, b = (sought.run_of({"p": name}) for name in "ab")
    places = [
        Place(None, 0, 0, 4, a, 0, 1),
        Place(None, 0, 1, 2, b, 1, 3),
        Place(None, 0, 2, 2, b, 1, 3),
    ]
    keys = pl.Series("id", [1, 2, 3, None, 1, 2, 3, None])
    assert _near(keys, places, sought).tolist() == [0, 5, 6]
