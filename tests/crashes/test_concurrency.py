"""Writers at once, on the same units too, and a reader all the time: nothing lost, nothing doubled."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
from pathlib import Path

import pytest

from parquetry import Dataset

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "concurrency.py"


@pytest.fixture
def concurrency(monkeypatch):
    spec = importlib.util.spec_from_file_location("concurrency", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "concurrency", module)
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_writers_of_units_and_readers_do_not_disturb_each_other(tmp_path, concurrency):
    seen = concurrency.run(str(tmp_path / "store"), processes=4, units=60, shared=3)
    assert seen.wrong == []
    assert seen.questions > 1


def append_rows(path: str, writer: int, count: int) -> None:
    dataset = Dataset(path)
    for number in range(count):
        dataset.append([{"writer": writer, "number": number, "part": number % 3}])


def test_appends_of_several_processes_are_all_there_and_all_in_the_log(tmp_path):
    path = str(tmp_path / "store" / "rows")
    Dataset(path).append([{"writer": -1, "number": 0, "part": 0}], partition_by=["part"])
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=append_rows, args=(path, w, 15)) for w in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    frame = Dataset(path).scan().collect()
    assert frame.unique().height == frame.height == 1 + 3 * 15
    assert [r.version for r in Dataset(path).history()] == list(range(46, 0, -1))
