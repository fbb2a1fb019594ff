"""A pinned snapshot stays, whatever happens to the dataset."""

from __future__ import annotations

import errno
import os
import sys

import duckdb
import polars as pl
import pytest

from commits.workbench import Workbench, rows_of, run_and_die
from parquetry.commits.pinning import pin
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.local import LocalStorage


def test_commits_and_vacuums_do_not_reach_it(bench):
    bench.commit({"day=a/x.parquet": [1], "day=b/x.parquet": [2]})
    with pin(bench.home, bench.disk) as pinned:
        bench.commit({"day=a/y.parquet": [3]}, ["day=a/x.parquet"])
        vacuum(bench.home, bench.disk, keep="0d")
        assert pinned.version == 1
        assert rows_of(pinned.files) == [1, 2]
    assert not os.path.exists(pinned.folder)
    assert bench.rows() == [2, 3]


def test_a_past_version_can_be_pinned(bench):
    bench.commit({"day=a/x.parquet": [1]})
    bench.commit({"day=a/y.parquet": [2]}, ["day=a/x.parquet"])
    with pin(bench.home, bench.disk, version=1) as pinned:
        vacuum(bench.home, bench.disk, keep="0d")
        assert (pinned.version, rows_of(pinned.files)) == (1, [1])
    with pytest.raises(NotFoundError, match="was vacuumed"), pin(bench.home, bench.disk, 1):
        pass


def test_it_is_no_data_to_anybody_who_globs_the_store(bench):
    bench.commit({"day=a/x.parquet": [1]})
    with pin(bench.home, bench.disk):
        everything = f"{bench.root.parent}/**/*.parquet"
        assert duckdb.sql(f"from read_parquet('{everything}')").fetchall() == [(1, "a")]
        assert len(pl.scan_parquet(everything, hive_partitioning=True).collect()) == 1


def test_engines_read_it_with_its_partitions(bench):
    bench.commit({"day=a/x.parquet": [1], "day=b/x.parquet": [2]})
    wanted = [(1, "a"), (2, "b")]
    with pin(bench.home, bench.disk) as pinned:
        paths = list(pinned.files)
        query = "from read_parquet($paths, hive_partitioning=true) order by value"
        assert duckdb.execute(query, {"paths": paths}).fetchall() == wanted
        scan = pl.scan_parquet(paths, hive_partitioning=True, glob=False)
        assert scan.sort("value").collect().rows() == wanted


def test_it_is_released_when_the_reader_fails(bench):
    bench.commit({"x.parquet": [1]})
    with pytest.raises(ZeroDivisionError), pin(bench.home, bench.disk) as pinned:
        1 / 0  # noqa: B018
    assert not os.path.exists(pinned.folder)


def test_a_linked_data_file_is_pinned_as_the_file_it_leads_to(bench):
    bench.drop("../elsewhere/x.parquet", [5])
    (bench.root / "linked.parquet").symlink_to("../elsewhere/x.parquet")
    with pin(bench.home, bench.disk) as pinned:
        (bench.root.parent / "elsewhere" / "x.parquet").unlink()
        assert rows_of(pinned.files) == [5]


def test_a_living_pin_survives_a_vacuum_and_a_dead_one_does_not(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    run_and_die(
        "import sys\nfrom pathlib import Path\nfrom commits.workbench import Workbench\n"
        "from parquetry.commits.pinning import pin\n"
        "bench = Workbench(Path(sys.argv[1]))\n"
        "held = pin(bench.home, bench.disk)\nheld.__enter__()",
        str(bench.root.parent),
    )
    assert len(os.listdir(bench.home.pins)) == 1
    with pin(bench.home, bench.disk) as pinned:
        assert vacuum(bench.home, bench.disk).pins_removed == 1
        assert os.listdir(bench.home.pins) == [pinned.folder.split("/")[-2]]
        assert rows_of(pinned.files) == [1]


def test_a_file_system_without_hard_links_is_a_clear_error(tmp_path):
    class WithoutLinks(LocalStorage):
        def link(self, source, target):
            raise StorageError(f"Could not link {source} to {target}.", errno=errno.EPERM)

    bench = Workbench(tmp_path)
    bench.drop("x.parquet", [1])
    with (
        pytest.raises(StorageError, match="A pin needs hard links") as caught,
        pin(bench.home, WithoutLinks()),
    ):
        pass
    assert caught.value.errno == errno.EPERM
    assert os.listdir(bench.home.pins) == []


def test_a_dataset_that_does_not_exist_leaves_nothing_behind(bench):
    bench.root.rmdir()
    with pytest.raises(NotFoundError, match="no dataset"), pin(bench.home, bench.disk):
        pass
    assert os.listdir(bench.home.pins) == []
