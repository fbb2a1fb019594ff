"""What the answer to a question is, by a reader that knows nothing of parquetry's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
from measuring import WrongAnswerError

from parquetry.access.results import tidy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry import Dataset


class Truth:
    """The answers from the raw files of a dataset as they are now, read by DuckDB alone."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._known: dict[tuple[int, str], pa.Table] = {}
        self._version = 0
        self.checked = 0

    def has_changed(self) -> None:
        """Forget what was known: something was written."""
        self._version += 1

    def check(self, sql: str, answer: pa.Table, who: str) -> None:
        """Compare an answer.

        Raises:
            WrongAnswerError: It is not that of the raw files.
        """
        key = (self._version, sql)
        if key not in self._known:
            self._known[key] = _ask(self._dataset.files(), self._dataset.name, sql)
        self.checked += 1
        if not are_same(answer, self._known[key]):
            raise WrongAnswerError(f"{who}: {sql}: {answer} instead of {self._known[key]}")


def _ask(files: Sequence[str], table: str, sql: str) -> pa.Table:
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        duck.read_parquet(list(files)).create_view(table)
        relation = duck.sql(sql)
        return tidy(relation.to_arrow_table(), list(map(str, relation.types)))


def are_same(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two answers are equal: the same types, floats up to the order of summation."""
    if one.schema.types != other.schema.types or one.num_rows != other.num_rows:
        return False
    return all(map(_are_same_values, one.columns, other.columns))


def _are_same_values(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(one.type):
        return one.equals(other)
    if not one.is_null().equals(other.is_null()):
        return False
    return np.allclose(
        one.to_numpy(zero_copy_only=False),
        other.to_numpy(zero_copy_only=False),
        rtol=1e-9,
        atol=0,
        equal_nan=True,
    )
