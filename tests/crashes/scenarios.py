"""Commits of each kind, on a small dataset, for the crash tests to interrupt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from doubles.faulty import FaultyStorage
from parquetry.commits import staging as stagings
from parquetry.commits import vacuuming
from parquetry.commits.committing import commit
from parquetry.commits.finishing import recover
from parquetry.commits.home import Home
from parquetry.commits.log import find_pending
from parquetry.commits.restoring import restore
from parquetry.commits.staging import Staging, open_staging
from parquetry.model.changes import Change, FileState, NewFile
from parquetry.storage.local import LocalStorage
from parquetry.storage.protocol import Storage

DISK = LocalStorage()


def home(store: Path) -> Home:
    return Home.of(store / "events")


def make_dataset(store: Path) -> None:
    """Three partitions of two files, and a stranger's note that must survive everything."""
    for day in "abc":
        folder = store / "events" / f"day={day}"
        folder.mkdir(parents=True)
        for number in range(2):
            rows = pa.table({"day": [day] * 3, "value": [number * 3 + i for i in range(3)]})
            pq.write_table(rows, folder / f"old-{number}.parquet")
    (store / "events" / "day=a" / "_note").write_text("kept")


def rows(store: Path) -> Counter[tuple[str, int]]:
    """Every row that a plain glob finds, with how often."""
    return rows_of((store / "events").glob("**/*.parquet"))


def rows_of(paths: Iterable[Path | str]) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for path in paths:
        table = pq.ParquetFile(path).read()
        found.update(zip(table["day"].to_pylist(), table["value"].to_pylist(), strict=True))
    return found


def reopen(store: Path) -> None:
    """What the next one who opens the dataset does."""
    target = home(store)
    target.prepare(DISK)
    with DISK.lock(target.lock):
        recover(target, DISK)
    assert find_pending(target, DISK) is None


def check_vacuumed(target: Home) -> None:
    """Vacuum, a day later, and hold that nothing is left beside the data but what the log says."""
    with (
        patch.object(vacuuming, "_OWNERLESS_NS", 0),
        patch.object(stagings, "_DRAFT_LIVES_NS", 0),
    ):
        vacuuming.vacuum(target, DISK, keep=0)
    kept = [target.staging, target.history, target.pins]
    left = [path for folder in kept for path in Path(folder).glob("**/*")]
    assert not left, left


def states(store: Path, *paths: str) -> tuple[FileState, ...]:
    found = []
    for path in paths:
        facts = DISK.stat(f"{home(store).root}/{path}")
        found.append(FileState(path, facts.size, facts.mtime_ns, facts.inode))
    return tuple(found)


def stage(storage: Storage, staging: Staging, number: int, path: str, day: str) -> NewFile:
    table = pa.table({"day": [day] * 2, "value": [100 + number, 200 + number]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content = sink.getvalue().to_pybytes()
    source = staging.new_path()
    with storage.create(source) as file:
        file.write(content)
    return NewFile(path, source, table.num_rows, len(content))


@dataclass(frozen=True)
class Scenario:
    """A change: what it retires, and where its new files go."""

    name: str
    retire: tuple[str, ...]
    add: tuple[str, ...]

    def prepare(self, store: Path) -> None:
        """Make the dataset as it is before."""
        make_dataset(store)

    def run(self, store: Path, storage: Storage) -> None:
        target = home(store)
        with open_staging(target, storage) as staging:
            new = tuple(
                stage(storage, staging, number, path, path.split("/")[0].removeprefix("day="))
                for number, path in enumerate(self.add)
            )
            change = Change(self.name, retire=states(store, *self.retire), add=new)
            commit(target, storage, staging, change)


@dataclass(frozen=True)
class Undo:
    """A restore to the state before some commits."""

    name: str
    version: int
    undone: tuple[Scenario, ...]

    def prepare(self, store: Path) -> None:
        make_dataset(store)
        for scenario in self.undone:
            scenario.run(store, FaultyStorage())  # never fails here, and spares the real syncs

    def run(self, store: Path, storage: Storage) -> None:
        restore(home(store), storage, self.version)


SCENARIOS: list[Scenario | Undo] = [
    Scenario("append one", (), ("day=a/new.parquet",)),
    Scenario("append one to a new partition", (), ("day=z/new.parquet",)),
    Scenario("append several", (), ("day=a/new-0.parquet", "day=z/new-1.parquet")),
    Scenario("replace one", ("day=a/old-0.parquet",), ("day=a/new.parquet",)),
    Scenario(
        "replace several",
        ("day=a/old-0.parquet", "day=b/old-1.parquet"),
        ("day=a/new-0.parquet", "day=b/new-1.parquet"),
    ),
    Scenario("drop one", ("day=a/old-0.parquet",), ()),
    Scenario("empty a partition", ("day=b/old-0.parquet", "day=b/old-1.parquet"), ()),
    Scenario(
        "move a partition",
        ("day=b/old-0.parquet", "day=b/old-1.parquet"),
        ("day=q/new-0.parquet",),
    ),
    Scenario(
        "move to a new folder in a new folder",
        ("day=b/old-0.parquet", "day=b/old-1.parquet"),
        ("day=q/k=1/new-0.parquet",),
    ),
    Undo(
        "undo two commits across partitions",
        0,
        (
            Scenario("empty", ("day=b/old-0.parquet", "day=b/old-1.parquet"), ()),
            Scenario("move", ("day=c/old-0.parquet",), ("day=z/new.parquet",)),
        ),
    ),
]
