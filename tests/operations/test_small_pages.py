"""The process gets memory in small pages while a verb runs, and as before when it is over."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from operations.folders import Folder
from parquetry.operations import deleting, small_pages
from parquetry.operations.deleting import delete
from parquetry.operations.small_pages import small_pages as refused
from parquetry.operations.working import side_by_side

STATUS = Path("/proc/self/status")


def gets_huge_pages() -> bool:
    """Return what the system says of this process."""
    found = [line for line in STATUS.read_text().splitlines() if line.startswith("THP_enabled")]
    return found[0].split()[1] == "1"


def is_told() -> bool:
    return STATUS.exists() and "THP_enabled" in STATUS.read_text()


pytestmark = pytest.mark.skipif(
    not is_told() or not gets_huge_pages(), reason="this system has no huge pages to refuse"
)


def test_huge_pages_are_refused_until_the_last_who_wants_it_ends():
    first, second = refused(), refused()
    with first:
        assert not gets_huge_pages()
        second.__enter__()
    assert not gets_huge_pages()
    second.__exit__(None, None, None)
    assert gets_huge_pages()


def test_work_that_fails_or_is_left_grants_them_again():
    def fail(_: int) -> None:
        raise ValueError(gets_huge_pages())

    with pytest.raises(ValueError, match="False"):
        list(side_by_side(fail, [1, 2, 3]))
    assert gets_huge_pages()
    results = side_by_side(lambda _: gets_huge_pages(), [1, 2, 3])
    assert next(results) is False
    results.close()
    assert gets_huge_pages()


def test_a_verb_runs_without_them_and_leaves_the_process_as_it_was(tmp_path, monkeypatch):
    seen: list[bool] = []
    plan = deleting.plan_delete
    monkeypatch.setattr(
        deleting, "plan_delete", lambda *given: seen.append(gets_huge_pages()) or plan(*given)
    )
    folder = Folder(tmp_path)
    folder.append(pa.table({"a": [1, 2, 3]}))
    assert delete(*folder.parts, True).rows_deleted == 3
    assert seen == [False]
    assert gets_huge_pages()


def test_a_process_that_refuses_them_itself_goes_on_to():
    small_pages._control(small_pages._SET_THP_DISABLE, 1)
    try:
        with refused():
            assert not gets_huge_pages()
        assert not gets_huge_pages()
    finally:
        small_pages._control(small_pages._SET_THP_DISABLE)


def test_a_system_without_the_call_is_left_alone(monkeypatch):
    monkeypatch.setattr(small_pages, "_prctl", lambda: None)
    with refused():
        assert gets_huge_pages()
