"""Proof that the rows of some files are those of a dataset, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError

from parquetry.errors import CorruptionError, ParameterError
from parquetry.files.footers import read_footer, read_schema
from parquetry.operations.decoding import decode_rows
from parquetry.operations.joined_output import fitted
from parquetry.operations.routing import Routes
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.operations.surveying import Survey, SurveyedFile

Validation: TypeAlias = bool | Literal["content"]
"""Whether rows are counted, and with `"content"` whether their values are compared as well."""

_SUM = 1 << 64


def check_validation(validate: Validation, plan: RepartitionPlan) -> None:
    """Raise `ParameterError` unless the wanted proof can be had."""
    if validate not in {True, False, "content"}:
        raise ParameterError(
            f"validate is True, False or 'content', not {validate!r}. Nothing was changed."
        )
    if validate == "content" and plan.transform is not None:
        raise ParameterError(
            "validate='content' compares all values with those of the source, and a transform_fn "
            "changes them. Nothing was changed. Validate the number of rows (True)."
        )


def prove_content(survey: Survey, paths: Sequence[str]) -> None:
    """Raise unless the files hold exactly the rows of a dataset.

    **Cost:** both are decoded once; memory is that of a few row groups.

    Raises:
        CorruptionError: They do not. Nothing was changed.
    """
    routes = Routes(survey, (), None, 0)

    def digest_old(file: SurveyedFile) -> tuple[int, int]:
        return digest((fitted(one, survey.columns) for one in routes.load(file)), survey.columns)

    def digest_new(path: str) -> tuple[int, int]:
        return digest((fitted(one, survey.columns) for one in _load(path)), survey.columns)

    old = _total(in_order(digest_old, survey.files))
    new = _total(in_order(digest_new, paths))
    if old != new:
        raise CorruptionError(
            f"The new files hold other rows than {survey.root}: {new[0]:,} with digest {new[1]:016x} "
            f"where {old[0]:,} with {old[1]:016x} stood. Nothing was changed. The disk or the memory of "
            "this machine cannot be trusted, or somebody writes to files in place.",
            path=survey.root,
        )


def digest(tables: Iterable[pa.Table], schema: pa.Schema) -> tuple[int, int]:
    """Return the number of rows, and a sum over them that does not depend on their order."""
    rows, total = 0, 0
    for table in tables:
        columns = [_hashable(table[field.name], field) for field in schema]
        found = (
            pl.DataFrame(columns).hash_rows(seed=1) if columns else pl.Series([], dtype=pl.UInt64)
        )
        rows += table.num_rows
        total += int(np.sum(found.to_numpy(), dtype=np.uint64))
    return rows, total % _SUM


def _hashable(column: pa.ChunkedArray, field: pa.Field) -> pl.Series:
    try:
        series = pl.Series(field.name, column)
        series.head(1).to_frame().hash_rows()
    except (PolarsError, PanicException, pa.ArrowException, TypeError, ValueError):
        return pl.Series(field.name, [repr(value) for value in column.to_pylist()], pl.String)
    return series


def _load(path: str) -> Iterator[pa.Table]:
    if not read_footer(path).num_rows:
        return
    yield from decode_rows(path, read_schema(path))


def _total(found: Iterable[tuple[int, int]]) -> tuple[int, int]:
    rows, total = 0, 0
    for count, part in found:
        rows += count
        total = (total + part) % _SUM
    return rows, total
