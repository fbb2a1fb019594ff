"""Decoded values share one budget, and what is needed again last goes first."""

from __future__ import annotations

import multiprocessing
import os
import threading

import numpy as np
import pytest

from parquetry.errors import ConflictError
from parquetry.series import handles, prefetching
from parquetry.series.converting import write_series
from parquetry.series.lazy import LazyTimeScenarioSeriesData
from parquetry.series.reader import open_file
from parquetry.series.source import open_source
from parquetry.series.tiles import cache_info, set_cache_budget, tile_cache

COLUMN = np.array([0])


pytestmark = pytest.mark.filterwarnings(
    # Python 3.12 and later speak up when a process that reads ahead is forked
    "ignore:This process.*is multi-threaded:DeprecationWarning"
)


def held(path):
    return [group for group, tile in enumerate(open_source(str(path)).tiles) if tile is not None]


def test_a_footer_is_parsed_once_for_all_series_of_a_file(wind):
    first, second = LazyTimeScenarioSeriesData(wind[0]), LazyTimeScenarioSeriesData(str(wind[0]))
    assert first.source is second.source
    assert first.source.files[0] is open_file(str(wind[0]))


def test_a_file_that_was_replaced_gets_a_new_reader(wind):
    path, values = wind
    old = LazyTimeScenarioSeriesData(path)
    old.get_value([0], COLUMN)
    write_series(path, values + 1, block_length=20)
    new = LazyTimeScenarioSeriesData(path)
    assert new.get_value([0], COLUMN)[0, 0] == values[0, 0] + 1
    assert new.source is not old.source


def test_a_file_that_is_replaced_under_a_reader_is_a_conflict_and_never_a_mixture(
    wind, monkeypatch
):
    path, values = wind
    monkeypatch.setattr(handles, "OPEN_FILES", 0)
    lazy = LazyTimeScenarioSeriesData(path)
    lazy.get_value([0], COLUMN)
    write_series(path, values + 1, block_length=20)
    with pytest.raises(ConflictError, match="was changed while"):
        lazy.get_value([99], COLUMN)


def test_only_the_row_groups_that_cover_the_steps_are_decoded(wind):
    before = cache_info().decoded_bytes
    lazy = LazyTimeScenarioSeriesData(wind[0])
    lazy.get_value(range(25, 35), np.array([4, 1]))
    assert held(wind[0]) == [2, 3]
    assert cache_info().decoded_bytes - before == 2 * 2 * 10 * 8
    lazy.get_value([95, 3], np.array([4]))
    assert held(wind[0]) == [0, 2, 3, 9]


def test_what_is_decoded_is_not_decoded_again(wind):
    lazy = LazyTimeScenarioSeriesData(wind[0])
    lazy.get_value(range(10), np.array([1, 2]))
    before = cache_info().decoded_bytes
    lazy.get_value([0, 9], np.array([2, 1, 2]))
    assert cache_info().decoded_bytes == before
    lazy.get_value(range(10), np.array([2, 5]))
    assert cache_info().decoded_bytes - before == 80


def test_the_budget_holds_over_all_series(wind, folder):
    _, values = wind
    write_series(folder / "other.parquet", values, block_length=10)
    set_cache_budget(5000)
    for name in ("wind", "other"):
        data = LazyTimeScenarioSeriesData(folder / f"{name}.parquet")
        for step in range(0, 100, 10):
            found = data.get_value(range(step, step + 10), np.arange(7))
            assert np.array_equal(found, values[step : step + 10])
            assert cache_info().used_bytes <= 5000
    assert cache_info().evicted_tiles > 0


def test_a_tile_larger_than_the_budget_is_read_all_the_same(wind):
    set_cache_budget(1)
    path, values = wind
    lazy = LazyTimeScenarioSeriesData(path)
    assert np.array_equal(lazy.get_value(range(100), np.arange(7)), values)


def test_without_a_walk_the_tile_that_was_not_used_for_longest_goes_first(wind):
    lazy = LazyTimeScenarioSeriesData(wind[0])
    for step in (0, 10, 20, 30):
        lazy.get_value([step], COLUMN)
    lazy.get_value([0], COLUMN)
    set_cache_budget(3 * 80)
    lazy.get_value([40], COLUMN)
    assert 0 in held(wind[0])
    assert 1 not in held(wind[0])


def test_on_a_walk_the_tile_that_was_just_passed_goes_first(wind):
    lazy = LazyTimeScenarioSeriesData(wind[0])
    set_cache_budget(5 * 80)
    lazy.get_value([50, 60], COLUMN)
    try:
        for step in (0, 10, 20, 30, 40):
            tile_cache.walk_to(step, 100)
            lazy.get_value([step], COLUMN)
    finally:
        tile_cache.end_walk()
    # room was made at step 30: 2 and 1 lay behind, needed again after almost a whole round
    assert held(wind[0]) == [0, 3, 4, 5, 6]


def test_the_next_block_is_read_ahead(wind):
    lazy = LazyTimeScenarioSeriesData(wind[0])
    lazy.prefetch(range(10, 20), np.array([3]))
    lazy.prefetch(range(95, 120), np.array([3]))  # the last block is shorter than it was announced
    wait_for_prefetch(lazy)
    assert held(wind[0]) == [1, 9]
    before = cache_info().decoded_bytes
    lazy.get_value(range(10, 20), np.array([3]))
    assert cache_info().decoded_bytes == before


def wait_for_prefetch(lazy):
    done = threading.Event()
    prefetching._reader._thread.submit(done.set)
    assert done.wait(10)


def test_many_threads_read_one_file_rightly(wind):
    path, values = wind
    set_cache_budget(2000)
    lazy = LazyTimeScenarioSeriesData(path)
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(200):
            start = int(rng.integers(0, 90))
            columns = rng.integers(0, 7, 3)
            found = lazy.get_value(range(start, start + 10), columns)
            if not np.array_equal(found, values[start : start + 10][:, columns]):
                wrong.append((start, columns))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_more_files_stay_open_than_allowed(folder, monkeypatch):
    monkeypatch.setattr(handles, "OPEN_FILES", 3)
    kept = []
    for number in range(10):
        write_series(folder / f"s{number}.parquet", np.full((20, 1), float(number)), block_length=5)
        kept.append(LazyTimeScenarioSeriesData(folder / f"s{number}.parquet"))
        kept[-1].get_value([0], COLUMN)
    opened = [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]
    assert sum(name.startswith(str(folder)) for name in opened) <= 3
    assert [data.get_value([19], COLUMN)[0, 0] for data in kept] == list(range(10))


def _descriptors():
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{fd}")]


def test_a_forked_process_reads_on(wind):
    path, values = wind
    lazy = LazyTimeScenarioSeriesData(path)
    lazy.get_value([0], COLUMN)
    lazy.prefetch(range(10, 20), COLUMN)
    with lazy.source.lock:  # a thread may hold it when the process forks
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=_read_in_child, args=(lazy, queue))
        child.start()
    assert queue.get(timeout=20) == values[50, 0]
    child.join()


def _read_in_child(lazy, queue):
    lazy.prefetch(range(40, 50), COLUMN)
    queue.put(float(lazy.get_value([50], COLUMN)[0, 0]))
