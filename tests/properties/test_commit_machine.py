"""Whatever is committed, restored, vacuumed and dropped in, in any order: every version has its rows."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from commits.workbench import Workbench, rows_of, write
from doubles.faulty import FaultyStorage
from parquetry.commits.history import files_at, read_history
from parquetry.commits.pinning import pin
from parquetry.commits.placing import place, sync_placed
from parquetry.commits.restoring import restore
from parquetry.commits.staging import open_staging
from parquetry.commits.vacuuming import vacuum
from parquetry.errors import NotFoundError

folders = st.sampled_from(["day=a", "day=b", "day=%2F"])
names = st.sampled_from(["one.parquet", "two.parquet"])


class CommitMachine(RuleBasedStateMachine):
    """The model is a set of row values: each file holds one that no other file ever held."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.bench = Workbench(self.folder, FaultyStorage())  # which spares the real syncs
        self.live: set[int] = set()
        self.changes: list[tuple[set[int], set[int]]] = []  # added and retired, a commit each
        self.past: list[set[int]] = [set()]  # the rows at each version
        self.forgotten = 0  # the latest commit whose history was vacuumed
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def _new(self) -> int:
        self.made += 1
        return self.made

    def _place_of(self, value: int) -> str:
        """Where the file with a row stands now; a restore may have had to rename it."""
        for path in self.bench.names():
            if rows_of([str(self.bench.root / path)]) == [value]:
                return path
        raise AssertionError(f"no file holds {value}")

    def _committed(self, added: set[int], retired: set[int]) -> None:
        self.changes.append((added, retired))
        self.past.append(set(self.live))

    @rule(folder=folders, count=st.integers(1, 3))
    def append(self, folder: str, count: int) -> None:
        values = {self._new() for _ in range(count)}
        self.bench.commit({f"{folder}/part-{v}.parquet": [v] for v in sorted(values)})
        self.live |= values
        self._committed(values, set())

    @precondition(lambda self: self.live)
    @rule(data=st.data(), folder=folders)
    def replace(self, data: st.DataObject, folder: str) -> None:
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.live)), min_size=1))
        value = self._new()
        add = {f"{folder}/part-{value}.parquet": [value]} if data.draw(st.booleans()) else {}
        self.bench.commit(add, sorted(self._place_of(one) for one in chosen))
        added = {value} if add else set()
        self.live = (self.live - chosen) | added
        self._committed(added, chosen)

    @rule(folder=folders, name=names)
    def drop_a_foreign_file(self, folder: str, name: str) -> None:
        path = f"{folder}/{name}"
        if not (self.bench.root / path).exists():
            value = self._new()
            self.bench.drop(path, [value])
            self.live.add(value)
            if not self.changes:
                self.past[0].add(value)

    @rule(folder=folders)
    def append_without_the_log(self, folder: str) -> None:
        value = self._new()
        with open_staging(self.bench.home, self.bench.disk) as staging:
            staged = staging.new_path()
            write(Path(staged), [value])
            os.utime(staged, ns=(now := time.time_ns(), now))
            path = f"{folder}/{staging.final_name(staged)}"
            sync_placed(self.bench.disk, place(self.bench.home, self.bench.disk, staged, path))
        self.live.add(value)
        if not self.changes:
            self.past[0].add(value)

    @precondition(lambda self: self.changes)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, len(self.changes)))
        wanted = self.live
        for added, retired in reversed(self.changes[version:]):
            wanted = (wanted - added) | retired
        try:
            record = restore(self.bench.home, self.bench.disk, version)
        except NotFoundError:
            assert version < self.forgotten
            return
        added, retired = wanted - self.live, self.live - wanted
        assert (record is None) == (not added and not retired)
        self.live = wanted
        if record is not None:
            self._committed(added, retired)

    @rule(keep=st.integers(0, 4))
    def vacuum(self, keep: int) -> None:
        report = vacuum(self.bench.home, self.bench.disk, keep=keep)
        assert all(version <= len(self.changes) - keep for version in report.commits_forgotten)
        self.forgotten = max(self.forgotten, *report.commits_forgotten, 0)

    @rule()
    def read_a_pin(self) -> None:
        with pin(self.bench.home, self.bench.disk) as pinned:
            assert rows_of(pinned.files) == sorted(self.live)

    @invariant()
    def a_glob_finds_the_rows(self) -> None:
        if hasattr(self, "folder"):
            assert self.bench.rows() == sorted(self.live)

    @invariant()
    def every_version_has_its_rows_or_says_that_it_was_vacuumed(self) -> None:
        if not hasattr(self, "folder"):
            return
        assert len(read_history(self.bench.home, self.bench.disk)) == len(self.changes)
        for version, rows in enumerate(self.past):
            found = None
            with suppress(NotFoundError):
                found = rows_of(files_at(self.bench.home, self.bench.disk, version))
            assert found == sorted(rows) or (found is None and version < self.forgotten)


TestCommitMachine = CommitMachine.TestCase
TestCommitMachine.settings = settings(
    max_examples=150,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
