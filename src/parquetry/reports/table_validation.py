"""Whether the rows of a dataset or file are rows of a table."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import polars as pl

from parquetry.dataset import Dataset
from parquetry.errors import NotFoundError, ParameterError
from parquetry.files.batches import read_batches
from parquetry.operations.joined_output import fitted
from parquetry.operations.routing import Routes
from parquetry.operations.surveying import take_survey
from parquetry.storage.local import LocalStorage
from parquetry.tables.arriving_keys import ArrivingKeys
from parquetry.tables.batches import row_batches
from parquetry.tables.failures import Failures, merge_failures
from parquetry.tables.spooling import Spool
from parquetry.tables.validation import filter_rows, shared_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from parquetry.tables import TableSchema


@dataclass(frozen=True, slots=True)
class TableValidation:
    """How many rows there are, of which table they should be, and what is wrong with which."""

    table: str
    rows: int
    failures: Failures


def validate_path(path: Path, table: TableSchema | None = None) -> TableValidation:
    """Return whether all rows of a dataset or of one file are rows of a table, keys included.

    **Cost:** every row is decoded once; memory for a batch, and for up to half a million keys: more
    are compared on the disk.

    Args:
        path: A dataset, or a Parquet file.
        table: The table; that of the dataset if left out.

    Raises:
        NotFoundError: Nothing stands there.
        ParameterError: No table was given, and the dataset is of none.
        SchemaMismatchError: The columns are not those of the table.
        FormatVersionError: A file of the dataset is of a newer MAJOR version of its table.
        CorruptionError: A file cannot be read.
    """
    if not path.exists():
        raise NotFoundError(
            f"There is nothing at {path}. Name a dataset's folder or a Parquet file.",
            path=str(path),
        )
    if table is None:
        table = Dataset(path).table if path.is_dir() else None
    if table is None:
        raise ParameterError(
            f"{path} is of no table, so say which one its rows should be of: --table runs."
        )
    if path.is_dir():
        return _validate(table, _of_dataset(Dataset(path)), numbered=False)
    return _validate(table, _of_file(str(path)), numbered=True)


def _validate(
    table: TableSchema, batches: Iterable[pl.DataFrame], *, numbered: bool
) -> TableValidation:
    rows, found = 0, list[Failures]()
    with tempfile.TemporaryDirectory(prefix="parquetry-") as folder:
        names = (f"{folder}/{number}" for number in count())
        keys, spool = ArrivingKeys(table, ()), Spool(LocalStorage(), lambda: next(names))
        for batch in row_batches(batches):
            good, failures = filter_rows(table, batch, first_row=rows)
            rows += len(batch)
            found.append(failures)
            if table.primary_key:
                keys.add(good)
                spool.add(good.select(table.primary_key))
        spool.flush()
        found.append(shared_keys(table, keys.find_twice(spool.paths)))
    return TableValidation(
        table.identifier, rows, merge_failures(table.identifier, found, numbered=numbered)
    )


def _of_dataset(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield the rows of a dataset as questions see them."""
    source = dataset.source
    if not source.listing().files:
        return
    survey = take_survey(source.home, source.storage)
    routes = Routes(survey, (), None, 0)
    for file in survey.files:
        for rows in routes.load(file):
            yield pl.DataFrame(pl.from_arrow(fitted(rows, survey.columns)))


def _of_file(path: str) -> Iterator[pl.DataFrame]:
    for batch in read_batches(path):
        yield pl.DataFrame(pl.from_arrow(batch))
