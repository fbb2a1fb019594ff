"""Arrow takes memory in small pages while a verb runs, and as before when it is over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from operations.folders import Folder
from parquetry.operations import appending, memory_pools
from parquetry.operations.deleting import delete
from parquetry.operations.memory_pools import sparing_memory
from parquetry.operations.working import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not {"mimalloc", "jemalloc"} <= set(pa.supported_memory_backends()),
    reason="this PyArrow has not both memory pools",
)


def name() -> str:
    return str(pa.default_memory_pool().backend_name)


@pytest.fixture(autouse=True)
def by_itself(monkeypatch) -> Iterator[None]:
    """Let PyArrow take what it takes where nobody chooses."""
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    yield
    pa.set_memory_pool(before)


def test_the_other_pool_is_there_until_the_last_who_wants_it_ends():
    first, second = sparing_memory(), sparing_memory()
    with first:
        assert name() == "jemalloc"
        second.__enter__()
    assert name() == "jemalloc"
    second.__exit__(None, None, None)
    assert name() == "mimalloc"


def test_work_that_fails_or_is_left_gives_it_back():
    def fail(_: int) -> None:
        raise ValueError(name())

    with pytest.raises(ValueError, match="jemalloc"):
        list(side_by_side(fail, [1, 2, 3]))
    assert name() == "mimalloc"
    results = side_by_side(lambda _: name(), [1, 2, 3])
    assert next(results) == "jemalloc"
    results.close()
    assert name() == "mimalloc"


def test_a_verb_that_is_over_leaves_pyarrow_as_it_was(tmp_path):
    folder = Folder(tmp_path)
    folder.append(pa.table({"a": [1, 2, 3]}))
    assert delete(*folder.parts, True).rows_deleted == 3
    assert name() == "mimalloc"


def test_rows_are_appended_with_the_other_pool(tmp_path, monkeypatch):
    seen: list[str] = []
    encode = appending.encode_tables
    monkeypatch.setattr(
        appending, "encode_tables", lambda *given: seen.append(name()) or encode(*given)
    )
    Folder(tmp_path).append(pa.table({"a": [1, 2, 3]}))
    assert seen == ["jemalloc"]
    assert name() == "mimalloc"


def test_what_somebody_has_chosen_stays(monkeypatch):
    pa.set_memory_pool(pa.system_memory_pool())
    with sparing_memory():
        assert name() == "system"
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    with sparing_memory():
        pa.set_memory_pool(pa.system_memory_pool())
    assert name() == "system"
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    with sparing_memory():
        assert name() == "mimalloc"


def test_where_there_is_no_other_it_stays(monkeypatch):
    monkeypatch.setattr(memory_pools.pa, "supported_memory_backends", lambda: ["mimalloc"])
    with sparing_memory():
        assert name() == "mimalloc"
