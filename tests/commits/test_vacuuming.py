"""A vacuum forgets old history, says truly what that freed, and touches nothing that lives."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commits.workbench import run_and_die
from parquetry.commits.history import read_history
from parquetry.commits.restoring import restore
from parquetry.commits.staging import open_staging
from parquetry.commits.vacuuming import parse_keep, plan_vacuum, vacuum
from parquetry.errors import NotFoundError, ParameterError


def three_commits(bench):
    for value in (1, 2, 3):
        bench.commit({f"{value}.parquet": [value]}, [f"{value - 1}.parquet"] if value > 1 else [])


def age(bench, version, **age):
    """Make a commit look as if it had been made long ago."""
    path = f"{bench.home.log}/{version:08d}.json"
    with open(path) as file:
        document = json.load(file)
    document["time"] = (datetime.now(UTC) - timedelta(**age)).isoformat()
    with open(path, "w") as file:
        json.dump(document, file)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("0d", timedelta(0)),
        (" 30 M ", timedelta(minutes=30)),
        ("2w", timedelta(weeks=2)),
        ("45s", timedelta(seconds=45)),
        (timedelta(days=1), timedelta(days=1)),
        (5, 5),
    ],
)
def test_an_age_is_written_as_people_write_it(text, wanted):
    assert parse_keep(text) == wanted


@pytest.mark.parametrize("wrong", ["", "7", "d", "-1d", "1.5d", "7 days ago", -1, True, None, 1.5])
def test_what_is_no_age_is_refused(bench, wrong):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    with pytest.raises(ParameterError, match="Nothing was removed"):
        vacuum(bench.home, bench.disk, keep=wrong)
    assert bench.rows_at(1) == [1]


@given(st.integers(0, 10**12), st.sampled_from("smhdw"))
def test_every_whole_number_of_units_is_an_age(number, unit):
    assert parse_keep(f"{number}{unit}") >= timedelta(0)


def test_only_what_is_older_is_forgotten_and_every_younger_state_stays(bench):
    three_commits(bench)
    age(bench, 1, days=20)
    age(bench, 2, days=10)
    report = vacuum(bench.home, bench.disk, keep="7d")
    assert report.commits_forgotten == (2,)
    assert report.files_removed == 1
    with pytest.raises(NotFoundError, match="vacuumed"):
        bench.rows_at(1)
    assert [bench.rows_at(v) for v in (2, 3)] == [[2], [3]]
    assert bench.rows() == [3]


def test_the_records_stay(bench):
    three_commits(bench)
    vacuum(bench.home, bench.disk, keep="0d")
    assert [record.version for record in read_history(bench.home, bench.disk)] == [3, 2, 1]


def test_a_number_keeps_that_many_commits(bench):
    three_commits(bench)
    assert vacuum(bench.home, bench.disk, keep=2).commits_forgotten == ()
    assert vacuum(bench.home, bench.disk, keep=1).commits_forgotten == (2,)
    assert bench.rows_at(2) == [2]
    assert vacuum(bench.home, bench.disk, keep=0).commits_forgotten == (3,)


def test_a_clock_that_went_back_forgets_nothing_too_early(bench):
    three_commits(bench)
    age(bench, 3, days=30)  # written by a machine whose clock was wrong
    assert vacuum(bench.home, bench.disk, keep="7d").commits_forgotten == ()


def test_bytes_are_those_that_the_disk_gets_back(bench):
    three_commits(bench)
    size = bench.state("3.parquet").bytes
    os.link(f"{bench.home.history}/00000002/1.parquet.retired", bench.root.parent / "backup")
    assert plan_vacuum(bench.home, bench.disk, "0d").bytes == size  # 2.parquet alone
    restore(bench.home, bench.disk, 2)
    report = vacuum(bench.home, bench.disk, keep="0d")
    # 1 is still in the backup and 2 is live again; 3 was retired by the restore
    assert (report.bytes_freed, report.files_removed) == (size, 3)


def test_a_file_with_all_its_names_in_the_history_counts_once(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    restore(bench.home, bench.disk, 1)
    bench.commit({}, ["x.parquet"])
    size = os.path.getsize(f"{bench.home.history}/00000002/x.parquet.retired")
    report = vacuum(bench.home, bench.disk, keep="0d")
    assert (report.bytes_freed, report.files_removed) == (size, 2)


def test_a_dry_run_says_the_same_and_does_nothing(bench):
    three_commits(bench)
    before = sorted(bench.root.parent.rglob("*"))
    dry = vacuum(bench.home, bench.disk, keep="0d", dry_run=True)
    assert sorted(bench.root.parent.rglob("*")) == before
    assert dry.dry_run
    real = vacuum(bench.home, bench.disk, keep="0d")
    assert (dry.bytes_freed, dry.commits_forgotten) == (real.bytes_freed, real.commits_forgotten)
    assert vacuum(bench.home, bench.disk, keep="0d").files_removed == 0


def test_stagings_of_dead_processes_go_and_those_of_living_ones_stay(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    run_and_die(
        "import sys\nfrom pathlib import Path\nfrom commits.workbench import Workbench\n"
        "from parquetry.commits.staging import open_staging\n"
        "bench = Workbench(Path(sys.argv[1]))\n"
        "held = open_staging(bench.home, bench.disk)\nstaging = held.__enter__()\n"
        "Path(staging.new_path()).write_bytes(bytes(1000))",
        str(bench.root.parent),
    )
    with open_staging(bench.home, bench.disk) as living:
        living.new_path()
        report = vacuum(bench.home, bench.disk)
        assert (report.stagings_removed, report.bytes_freed) == (1, 1000)
        assert os.listdir(bench.home.staging) == [living.name]


def test_a_folder_without_an_owner_goes_after_a_day(bench):
    bench.commit({"x.parquet": [1]})
    os.mkdir(f"{bench.home.staging}/young")
    os.mkdir(f"{bench.home.staging}/old")
    os.utime(f"{bench.home.staging}/old", (0, 0))
    assert vacuum(bench.home, bench.disk).stagings_removed == 1
    assert os.listdir(bench.home.staging) == ["young"]


def test_a_folder_that_was_never_committed_to_gets_no_state(bench):
    bench.drop("x.parquet", [1])
    assert vacuum(bench.home, bench.disk).files_removed == 0
    assert not os.path.exists(bench.home.state)
