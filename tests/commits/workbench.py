"""A dataset of one column that tests change by commits, by hand, and look at row by row."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.commits.committing import commit
from parquetry.commits.history import files_at
from parquetry.commits.home import Home
from parquetry.commits.staging import open_staging
from parquetry.model.changes import Change, FileState, NewFile
from parquetry.model.records import CommitRecord
from parquetry.storage.local import LocalStorage
from parquetry.storage.protocol import Storage


class Workbench:
    """A dataset at `folder/events`, with a column `value`."""

    def __init__(self, folder: Path, storage: Storage | None = None) -> None:
        self.root = folder / "events"
        self.root.mkdir(parents=True, exist_ok=True)
        self.home = Home.of(self.root)
        self.disk = storage or LocalStorage()

    def commit(
        self, add: dict[str, list[int]] | None = None, retire: Iterable[str] = ()
    ) -> CommitRecord:
        """Add files with these rows, and retire files, in one commit."""
        with open_staging(self.home, self.disk) as staging:
            new = []
            for path, values in (add or {}).items():
                source = staging.new_path()
                write(Path(source), values)
                new.append(NewFile(path, source, len(values), os.path.getsize(source)))
            states = tuple(self.state(path) for path in retire)
            return commit(
                self.home, self.disk, staging, Change("test", retire=states, add=tuple(new))
            )

    def state(self, path: str) -> FileState:
        facts = self.disk.stat(f"{self.home.root}/{path}")
        return FileState(path, facts.size, facts.mtime_ns, facts.inode)

    def drop(self, path: str, values: list[int]) -> None:
        """Put a file into the folder as a tool does that knows nothing of commits."""
        write(self.root / path, values)
        now = time.time_ns()  # the kernel's own stamps are some milliseconds coarse
        os.utime(self.root / path, ns=(now, now))

    def rows(self) -> list[int]:
        """The rows that a plain glob finds, sorted."""
        return rows_of(str(path) for path in self.root.glob("**/*.parquet"))

    def rows_at(self, version: int) -> list[int]:
        return rows_of(files_at(self.home, self.disk, version))

    def names(self) -> list[str]:
        found = self.root.glob("**/*.parquet")
        return sorted(path.relative_to(self.root).as_posix() for path in found)


def write(path: Path, values: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"value": pa.array(values, pa.int64())}), path)


def rows_of(paths: Iterable[str]) -> list[int]:
    return sorted(v for path in paths for v in pq.ParquetFile(path).read()["value"].to_pylist())


def run_and_die(script: str, *arguments: str) -> None:
    """Run Python code in a process that is killed at its end, like by `kill -9`."""
    code = f"{script}\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert done.returncode != 0
