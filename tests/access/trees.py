"""Folders of Parquet files for the tests of reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.access.duck import Duck
from parquetry.access.polars_scan import scan
from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from parquetry.access.results import QueryResult
    from parquetry.storage.protocol import Entry, Stat, Storage

DUCK = Duck(threads=2)


def put(root: Path, relative: str, rows: pa.Table | dict[str, Any]) -> Path:
    """Write a file as somebody else would."""
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    table = rows if isinstance(rows, pa.Table) else pa.table(rows)
    pq.write_table(table, path)
    return path


def source_of(root: Path, storage: Storage | None = None) -> Source:
    return Source(Home.of(root), storage or LocalStorage())


def ask(source: Source, sql: str, parameters: Any = None) -> QueryResult:
    return DUCK.run(sql, {"t": source}, parameters)


def by_sql(source: Source) -> list[tuple[Any, ...]]:
    """All rows by SQL, sorted as texts."""
    return sorted(ask(source, "from t").fetchall(), key=repr)


def by_scan(source: Source) -> list[tuple[Any, ...]]:
    """All rows by Polars, sorted as texts."""
    return sorted(scan(source).collect().rows(), key=repr)


class CountingStorage(LocalStorage):
    """The real disk, which notes the folders that are looked at."""

    def __init__(self) -> None:
        self.touched: list[str] = []

    def stat(self, path: str) -> Stat:
        self.touched.append(path)
        return super().stat(path)

    def list_folder(self, path: str) -> list[Entry]:
        self.touched.append(path)
        return super().list_folder(path)
