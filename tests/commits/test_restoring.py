"""A restore undoes commits by a new commit, which can itself be undone."""

from __future__ import annotations

import pickle

import pytest

from parquetry.commits import restoring
from parquetry.commits.history import read_history
from parquetry.commits.restoring import plan_restore, restore
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import ConflictError, CorruptionError, NotFoundError


def test_what_left_comes_back_and_what_came_leaves(bench):
    bench.commit({"day=a/1.parquet": [1], "day=b/1.parquet": [2]})
    bench.commit({"day=a/2.parquet": [3]}, ["day=a/1.parquet"])
    bench.commit({"day=c/3.parquet": [4]}, ["day=b/1.parquet"])
    record = restore(bench.home, bench.disk, 1)
    assert bench.names() == ["day=a/1.parquet", "day=b/1.parquet"]
    assert bench.rows() == [1, 2]
    assert (record.version, record.operation, record.parameters) == (4, "restore", {"version": 1})
    assert not (bench.root / "day=c").exists()


def test_version_zero_is_the_dataset_before_the_first_commit(bench):
    bench.drop("foreign.parquet", [1])
    bench.commit({"x.parquet": [2]}, ["foreign.parquet"])
    restore(bench.home, bench.disk, 0)
    assert bench.names() == ["foreign.parquet"]


def test_no_byte_is_copied(bench):
    bench.commit({"x.parquet": [1]})
    inode = bench.state("x.parquet").inode
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    restore(bench.home, bench.disk, 1)
    assert bench.state("x.parquet").inode == inode


def test_a_restore_can_be_undone_and_redone(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    for version, rows in [(1, [1]), (2, [2]), (0, []), (3, [1]), (2, [2]), (5, []), (4, [2])]:
        restore(bench.home, bench.disk, version)
        assert bench.rows() == rows
    assert len(read_history(bench.home, bench.disk)) == 9


def test_restoring_the_present_state_writes_nothing(bench):
    assert restore(bench.home, bench.disk, 0) is None
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    restore(bench.home, bench.disk, 1)
    before = sorted(bench.root.parent.rglob("*"))
    assert restore(bench.home, bench.disk, 3) is None
    assert restore(bench.home, bench.disk, 1) is None  # the restored file is the very same one
    assert sorted(bench.root.parent.rglob("*")) == before


def test_files_that_no_commit_knows_stay(bench):
    bench.commit({"x.parquet": [1]})
    bench.drop("foreign.parquet", [10])
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    restore(bench.home, bench.disk, 0)
    assert bench.rows() == [10]


def test_an_unknown_file_that_a_commit_retired_comes_back_whenever_it_came(bench):
    bench.commit({"x.parquet": [1]})
    bench.drop("foreign.parquet", [10])
    bench.commit({"all.parquet": [1, 10]}, ["foreign.parquet", "x.parquet"])
    restore(bench.home, bench.disk, 0)
    assert bench.rows() == [10]


def test_a_taken_name_is_left_to_whoever_has_it(bench):
    bench.commit({"day=a/x.parquet": [1]})
    bench.commit({}, ["day=a/x.parquet"])
    bench.drop("day=a/x.parquet", [99])
    restore(bench.home, bench.disk, 1)
    assert bench.rows() == [1, 99]
    (other,) = set(bench.names()) - {"day=a/x.parquet"}
    assert other.startswith("day=a/part-")
    assert other.endswith("-restored.parquet")
    assert bench.rows_at(3) == [1, 99]
    assert bench.rows_at(1) == [1]
    restore(bench.home, bench.disk, 2)
    assert bench.rows() == [99]


def test_two_files_that_had_one_name_both_come_back(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    bench.drop("x.parquet", [99])
    bench.commit({}, ["x.parquet"])
    restore(bench.home, bench.disk, 1)
    assert bench.rows() == [1, 99]


def test_what_was_removed_by_hand_is_no_obstacle(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2], "z.parquet": [3]}, ["x.parquet"])
    (bench.root / "y.parquet").unlink()
    restore(bench.home, bench.disk, 1)
    assert bench.rows() == [1]


def test_a_plan_writes_nothing_and_tells_all(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    before = sorted(bench.root.parent.rglob("*"))
    plan = plan_restore(bench.home, bench.disk, 1)
    assert sorted(bench.root.parent.rglob("*")) == before
    assert plan.undo == (2,)
    assert [file.path for file in plan.retire] == ["y.parquet"]
    assert [(file.path, file.rows) for file in plan.revive] == [("x.parquet", 1)]
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_unknown_and_vacuumed_versions_are_refused_and_nothing_changes(bench):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    with pytest.raises(NotFoundError, match="no version 7"):
        restore(bench.home, bench.disk, 7)
    vacuum(bench.home, bench.disk, keep="0d")
    with pytest.raises(NotFoundError, match="was vacuumed"):
        restore(bench.home, bench.disk, 1)
    assert bench.rows() == [2]


def test_a_kept_file_that_lost_rows_is_not_brought_back(bench):
    bench.commit({"x.parquet": [1, 2]})
    bench.commit({"y.parquet": [3]}, ["x.parquet"])
    (kept,) = bench.root.parent.glob("**/*.retired")
    kept.write_bytes((bench.root / "y.parquet").read_bytes())
    with pytest.raises(CorruptionError, match="holds 1 rows where 2"):
        restore(bench.home, bench.disk, 1)
    assert bench.rows() == [3]


def test_a_restore_plans_anew_when_another_was_faster(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})
    bench.commit({"y.parquet": [2]}, ["x.parquet"])
    stale = plan_restore(bench.home, bench.disk, 1)
    restore(bench.home, bench.disk, 1)
    plans = [stale]
    real = plan_restore
    monkeypatch.setattr(restoring, "plan_restore", lambda *a: plans.pop() if plans else real(*a))
    assert restore(bench.home, bench.disk, 1) is None
    assert bench.rows() == [1]


def test_a_folder_that_never_rests_is_a_conflict_in_the_end(bench, monkeypatch):
    bench.commit({"x.parquet": [1]})
    bench.commit({}, ["x.parquet"])
    real = plan_restore

    def disturbed(*arguments):
        plan = real(*arguments)
        bench.drop(f"{len(bench.names())}.parquet", [0])
        return plan

    monkeypatch.setattr(restoring, "plan_restore", disturbed)
    with pytest.raises(ConflictError, match="came while restore was planned"):
        restore(bench.home, bench.disk, 1)
    assert 1 not in bench.rows()
