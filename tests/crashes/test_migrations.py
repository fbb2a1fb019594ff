"""Whatever call of a migration fails, the dataset is whole, and so is what is routed."""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doubles.faulty import Died, FaultyStorage
from doubles.forgetful import ForgetfulStorage
from parquetry.commits.dead_layouts import remove_dead_layouts
from parquetry.commits.home import Home
from parquetry.commits.settling import settled
from parquetry.commits.snapshots import take_snapshot
from parquetry.dataset import Dataset
from parquetry.errors import ParquetryError
from parquetry.model.layouts import Layout
from parquetry.storage.local import LocalStorage
from parquetry.tuning.migrations.active_migration import migrate_active
from parquetry.tuning.migrations.replica_migration import migrate_replica
from parquetry.tuning.replicas.state import replica_states
from parquetry.tuning.rewriting.local import LocalRewriter
from tuning.replicas import ask, eager_router

LAYOUT = Layout(sort_by=("n",), row_group_rows=4, bloom_columns=("s",))
WAYS = list(itertools.product(["replica", "active"], ["full", "incremental"]))
IN_PARTS = {("replica", "full"), ("active", "full")}
"""Where the rows of a piece take several parts."""
STEPS = {"replica": 1, "active": 3}


def prepare(store: Path) -> None:
    for number, day in enumerate("ab"):
        folder = store / "t" / f"day={day}"
        folder.mkdir(parents=True, exist_ok=True)
        values = [(7 * i + number) % 20 for i in range(20)]
        table = pa.table({"day": [day] * 20, "n": values, "s": [str(v) for v in values]})
        pq.write_table(table, folder / f"{number}.parquet")
        os.utime(folder / f"{number}.parquet", (10**9, 10**9))  # no change could be missed
    (store / "t" / "day=a" / "_note").write_text("kept")


def run(store: Path, storage: LocalStorage, role: str, mode: str) -> None:
    home = Home.of(store / "t")
    rewriter = LocalRewriter(storage)
    how = {"mode": mode, "memory_bytes": 2_000 if (role, mode) in IN_PARTS else 4_000}
    if role == "active":
        migrate_active(home, storage, LAYOUT, rewriter, lambda _: None, job_id=1, **how)
    else:
        migrate_replica(home, storage, LAYOUT, rewriter, lambda _: None, batch_bytes=1, **how)


def rows(store: Path) -> Counter[tuple]:
    found: Counter[tuple] = Counter()
    for path in (store / "t").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        found.update(zip(*(table[name].to_pylist() for name in ("day", "n", "s")), strict=True))
    return found


def check_whole(store: Path, wanted: Counter[tuple]) -> None:
    """Hold the dataset and every routed answer against the rows that there must be."""
    home = Home.of(store / "t")
    with settled(home, LocalStorage()):
        assert rows(store) == wanted
    assert (store / "t" / "day=a" / "_note").read_text() == "kept"
    source = Dataset(store / "t").source
    router = eager_router()
    for sql in ("SELECT * FROM t", "SELECT * FROM t WHERE n = 3 AND day = 'a'"):
        assert ask(source, sql, router)[:2] == ask(source, sql)[:2]


def check_completed(store: Path, role: str, mode: str, wanted: Counter[tuple]) -> None:
    """Go on with the migration, and find it complete and nothing left over."""
    disk = FaultyStorage()
    home = Home.of(store / "t")
    run(store, disk, role, mode)
    check_whole(store, wanted)
    remove_dead_layouts(home, disk)
    left = {path.name for path in store.rglob("*.pq")}
    if role == "active":
        assert not left
        laid_out = [record.operation for record in Dataset(store / "t").history()]
        assert laid_out
        assert set(laid_out) == {"lay out"}
        files = take_snapshot(home, disk).files
        assert all(file.path.rpartition("/")[2].startswith("part-") for file in files)
        return
    state = replica_states(home, disk)[LAYOUT.layout_id]
    assert state.is_fresh
    assert ask(Dataset(store / "t").source, "FROM t", eager_router())[2] == [LAYOUT.layout_id]
    assert left == set(files_of(home, disk))


def files_of(home: Home, disk: LocalStorage) -> list[str]:
    from parquetry.tuning.replicas.folder import find_manifest

    made = find_manifest(home, disk, LAYOUT.layout_id)
    return [file.name for file in made.files]


def telling_calls(tmp_path: Path, role: str, mode: str) -> list[int]:
    """The numbers of the calls: one of each run of writes, and all others."""
    prepare(tmp_path / "count")
    storage = FaultyStorage()
    run(tmp_path / "count", storage, role, mode)
    names = ["", *(call.partition(" ")[0] for call in storage.calls)]
    return [n for n in range(1, len(names)) if names[n] != "write" or names[n - 1] != "write"]


@pytest.mark.parametrize(
    ("how", "role", "mode", "step"),
    [
        *(("die", role, mode, STEPS[role]) for role, mode in WAYS),
        ("error", "replica", "incremental", 5),
        ("full", "replica", "full", 5),
        ("full", "active", "full", 7),
        ("error", "active", "incremental", 7),
    ],
)
def test_a_failure_at_any_call_leaves_everything_whole(tmp_path, role, mode, how, step):
    calls = telling_calls(tmp_path, role, mode)
    assert len(calls) > 20
    for fail_at in calls[::step]:
        store = tmp_path / f"{how}-{fail_at}"
        prepare(store)
        wanted = rows(store)
        with suppress(Died, ParquetryError):
            run(store, FaultyStorage(fail_at, how), role, mode)
        check_whole(store, wanted)
        check_completed(store, role, mode, wanted)
        shutil.rmtree(store)


@pytest.mark.parametrize(("role", "mode"), WAYS)
@pytest.mark.parametrize("strict", [False, True])
def test_a_loss_of_power_at_any_moment_leaves_everything_whole(tmp_path, role, mode, strict):
    class Unplugged(BaseException):
        pass

    for moment in itertools.count(1, 3):
        store = tmp_path / f"{strict}-{moment}"
        prepare(store)
        wanted = rows(store)
        disk = ForgetfulStorage(store, tmp_path / f"grave-{strict}-{moment}", strict=strict)
        syncs = itertools.count()

        def sync(path, disk=disk, syncs=syncs, moment=moment):
            if next(syncs) == moment:
                raise Unplugged
            ForgetfulStorage.sync(disk, path)

        disk.sync = sync
        try:
            run(store, disk, role, mode)
        except Unplugged:
            disk.lose_power(disk.unsynced_changes // 2)
            check_whole(store, wanted)
            check_completed(store, role, mode, wanted)
        else:
            assert moment > 5
            return
        finally:
            shutil.rmtree(store)
