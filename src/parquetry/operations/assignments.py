"""What columns are set to: values and expressions, checked and computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.errors import ParameterError, SchemaMismatchError, UnknownColumnError
from parquetry.operations.fitting import fitted
from parquetry.operations.matching import evaluate
from parquetry.operations.parsing import parse_moment
from parquetry.operations.predicates import (
    columns_of,
    is_by_row,
    outcome_types,
    refuse_unknown,
)
from parquetry.operations.reckoning import Reckoning, reckoning_of
from parquetry.operations.row_frames import Part, frame_of
from parquetry.operations.types import polars_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.operations.bounds import Flags
    from parquetry.operations.edits import Hits
    from parquetry.operations.opened import OpenedFile


_REMEMBERED_BYTES = 32 << 20
_LARGEST_SINGLE = 3.4028234663852886e38


class NewValuesMemory:
    """New values that were computed for the plan, kept for the run as far as they are few."""

    def __init__(self) -> None:
        self._left = _REMEMBERED_BYTES
        self._known: dict[tuple[str, int], tuple[Hits, pa.Table]] = {}

    def keep(self, path: str, index: int, hits: Hits, values: pa.Table) -> None:
        """Keep the new values of some rows of a row group, if there is room."""
        size = values.nbytes
        if size <= self._left:
            self._left -= size
            self._known[path, index] = (hits, values)

    def find(self, path: str, index: int, hits: Hits) -> pa.Table | None:
        """Return the new values of exactly these rows, if they were kept."""
        known = self._known.get((path, index))
        return known[1] if known is not None and known[0] == hits else None

    def __reduce__(self) -> tuple[type[NewValuesMemory], tuple[()]]:
        """Leave the values behind: they can be computed anew."""
        return type(self), ()


@dataclass(frozen=True)
class Assignments:
    """What columns are set to.

    Args:
        exprs: By column, the expression of its new value.
        inputs: The columns that the expressions read.
        types: The types of all columns of the dataset.
        root: The dataset's folder.
        reckonings: By column, how its new value is told without Polars' engine, where it can be.
    """

    exprs: Mapping[str, pl.Expr]
    inputs: tuple[str, ...]
    types: Mapping[str, pa.DataType]
    root: str
    reckonings: Mapping[str, Reckoning] = field(default_factory=dict, compare=False)
    memory: NewValuesMemory = field(default_factory=NewValuesMemory, compare=False)

    @classmethod
    def of(cls, updates: Mapping[str, Any], columns: pa.Schema, root: str) -> Assignments:
        """Return the assignments that a mapping of columns to values or expressions stands for.

        Raises:
            UnknownColumnError: A column is set or read that is not there.
            ParameterError: Nothing is set, or a value depends on other rows.
            SchemaMismatchError: An expression cannot be evaluated on these columns.
        """
        schema = polars_schema(columns)
        if not updates:
            raise ParameterError(f"There is nothing to set in {root}. Nothing was changed.")
        exprs, reckonings = {}, {}
        for name, value in updates.items():
            if name not in columns.names:
                raise UnknownColumnError.of(name, columns.names, root)
            exprs[name] = _expression(name, value, schema)
            if reckoning := reckoning_of(name, exprs[name], schema):
                reckonings[name] = reckoning
            else:
                _check(name, exprs[name], schema, root)
        inputs = {name for expr in exprs.values() for name in columns_of(expr, schema)}
        ordered = tuple(name for name in columns.names if name in inputs)
        types = {field.name: field.type for field in columns}
        return cls(exprs, ordered, types, root, reckonings)

    def values(self, file: OpenedFile, index: int, hits: Flags) -> pa.Table:
        """Return the new values of the rows of a row group that are hit.

        Raises:
            ParameterError: An expression cannot be evaluated.
            SchemaMismatchError: A value does not fit its column.
        """
        at = None if hits.all() else np.flatnonzero(hits)
        frame = frame_of([Part(file, index, at)], self.inputs, self.types)
        return self.computed(frame, file.file.path)

    def computed(self, frame: pl.DataFrame, where: str) -> pa.Table:
        """Return the new values of rows that are decoded already."""
        columns = {}
        for name, expr in self.exprs.items():
            reckoning = self.reckonings.get(name)
            new = reckoning.of(frame) if reckoning else evaluate(expr, frame, where)
            found = _to_arrow(new, name)
            wanted = pa.field(name, self.types[name])
            columns[name] = fitted(pa.chunked_array([found]), wanted, self.root)
        return pa.table(columns)

    def __call__(self, file: OpenedFile, index: int, hits: Hits) -> pa.Table:
        """Return the new values for rewriting a file."""
        known = self.memory.find(file.file.state.path, index, hits)
        return self.values(file, index, hits.flags()) if known is None else known


def _to_arrow(values: pl.Series, name: str) -> pa.Array:
    try:
        return values.to_arrow()
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The column {name!r} would be {values.dtype}, which Parquet has no form for. Nothing was "
            "changed. Cast the new value."
        ) from error


def _expression(name: str, value: Any, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Return the expression of a new value; ISO texts will do for dates and times.

    Python's floats have no width, so they get that of their column.
    """
    if isinstance(value, pl.Expr):
        return value
    try:
        if isinstance(value, float) and schema.get(name) == pl.Float32 and _has_single(value):
            return pl.lit(value, dtype=pl.Float32)
        if isinstance(value, str) and name in schema:
            moment = parse_moment(value, schema[name])
            return pl.lit(value) if moment is None else pl.lit(moment, dtype=schema[name])
        return pl.lit(value)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise ParameterError(
            f"The column {name!r} cannot be set to {value!r:.80}: {error}. Nothing was changed. Give "
            "a plain value or a Polars expression."
        ) from error


def _has_single(value: float) -> bool:
    """Whether a number is none too large for a float32."""
    return not math.isfinite(value) or abs(value) <= _LARGEST_SINGLE


def _check(name: str, expr: pl.Expr, schema: dict[str, pl.DataType], root: str) -> None:
    refuse_unknown(expr, schema, root)
    kinds = outcome_types(expr, schema, root)
    if len(kinds) != 1:
        raise ParameterError(
            f"The new value of {name!r} would be {len(kinds)} columns: {expr}. Nothing was changed. "
            "Give one value a row."
        )
    if not is_by_row(expr, schema):
        raise ParameterError(
            f"The new value of {name!r} depends on other rows than its own: {expr}. Nothing was "
            "changed. Compute it with `scan()`, and upsert the result by a key."
        )
