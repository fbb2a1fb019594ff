"""A staged file that is not what was written is found before anything is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.commits.workbench import Workbench, write

from parquetry.commits import staged_files
from parquetry.commits.committing import commit
from parquetry.commits.staged_files import proved_ahead
from parquetry.commits.staging import open_staging
from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError
from parquetry.model.changes import Change, NewFile, new_file
from parquetry.storage import local


@pytest.fixture
def bench(tmp_path):
    return Workbench(tmp_path)


def commit_one(bench, told, then):
    """Stage a file, let `then` do something to it, and commit what was `told` of it before."""
    with open_staging(bench.home, bench.disk) as staging:
        source = staging.new_path()
        write(Path(source), [1, 2])
        new = told(source, Path(source).read_bytes())
        then(Path(source))
        return commit(bench.home, bench.disk, staging, Change("test", add=(new,)))


def flip(path):
    content = bytearray(path.read_bytes())
    content[10] ^= 1  # in a page, of which the footer knows nothing
    path.write_bytes(content)


def with_checksum(source, content):
    return new_file("x.parquet", source, 2, content)


def test_a_flipped_bit_is_found_in_a_file_that_came_from_memory(bench):
    with pytest.raises(CorruptionError, match="holds other bytes than were written") as caught:
        commit_one(bench, with_checksum, flip)
    assert caught.value.outcome == "unchanged"
    assert bench.names() == []
    assert not list(Path(bench.home.staging).iterdir())


def test_lost_rows_are_found_in_any_file(bench):
    def fewer(path):
        path.unlink()
        write(path, [1])

    def streamed(source, content):
        return NewFile("x.parquet", source, 2, len(content))

    for told in (with_checksum, streamed):
        with pytest.raises(CorruptionError, match="holds 1 rows where 2 were written"):
            commit_one(bench, told, fewer)
    assert bench.names() == []


def test_lost_rows_are_found_in_one_of_many_files(bench):
    with open_staging(bench.home, bench.disk) as staging:
        added = []
        for number in range(200):
            source = staging.new_path()
            write(Path(source), [number] * (1 if number == 150 else 2))
            size = Path(source).stat().st_size
            added.append(NewFile(f"{number}.parquet", source, 2, size))
        with pytest.raises(CorruptionError, match=r"for 150\.parquet holds 1 rows where 2 were"):
            commit(bench.home, bench.disk, staging, Change("test", add=tuple(added)))
        Path(added[7].source).write_bytes(b"PAR1 and no end")
        with pytest.raises(CorruptionError, match=re.escape(added[7].source)):
            commit(bench.home, bench.disk, staging, Change("test", add=tuple(added)))
    assert bench.names() == []


def test_a_file_is_committed_that_is_what_was_written(bench):
    commit_one(bench, with_checksum, print)
    assert bench.rows() == [1, 2]


def test_files_are_durable_and_read_back_while_the_next_ones_are_made(bench, monkeypatch):
    monkeypatch.setattr(staged_files, "SHARE_BYTES", 1)
    synced: list[list[str]] = []
    monkeypatch.setattr(bench.disk, "sync_all", synced.append)
    with open_staging(bench.home, bench.disk) as staging:
        sources = [staging.new_path() for _ in range(3)]
        synced.clear()

        def staged():
            for number, source in enumerate(sources):
                assert synced == [[one] for one in sources[:number]]
                write(Path(source), [number])
                yield NewFile(f"{number}.parquet", source, 1, Path(source).stat().st_size)

        added = list(proved_ahead(bench.disk, staging, staged()))
        assert staging.proved == set(sources)
        asked: list[list[str]] = []
        monkeypatch.setattr(staged_files, "count_rows_of", lambda paths: asked.append(paths) or [])
        commit(bench.home, bench.disk, staging, Change("test", add=tuple(added)))
        assert asked == [[]]


def test_a_bad_file_stops_the_work_before_the_next_is_made(bench, monkeypatch):
    monkeypatch.setattr(staged_files, "SHARE_BYTES", 1)
    made = []
    with open_staging(bench.home, bench.disk) as staging:

        def staged():
            for number in range(3):
                source = staging.new_path()
                write(Path(source), [number])
                made.append(source)
                yield NewFile(f"{number}.parquet", source, 2, Path(source).stat().st_size)

        with pytest.raises(CorruptionError, match="holds 1 rows where 2 were written"):
            list(proved_ahead(bench.disk, staging, staged()))
    assert len(made) == 1


def test_rows_that_the_disk_does_not_give_back_are_not_added(bench, monkeypatch):
    bench.commit({"a.parquet": [0]})
    monkeypatch.setattr(local, "holds", lambda *_: False)
    with pytest.raises(CorruptionError, match="does not hold what was just written") as caught:
        Dataset(bench.root).append([{"value": 1}])
    assert caught.value.outcome == "unchanged"
    assert bench.rows() == [0]
    assert not list(Path(bench.home.staging).iterdir())
