"""Proof that new files hold the rows of their sources, in the order of the layout."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from parquetry.errors import CorruptionError
from parquetry.files.footers import read_footer, read_schema
from parquetry.operations.decoding import decode_rows
from parquetry.operations.joined_output import fitted
from parquetry.operations.proving import hash_tables
from parquetry.operations.routing import Routes
from parquetry.operations.working import in_order
from parquetry.tuning.replicas.bounds import Bound, bound_of, encoded_bytes, group_table
from parquetry.tuning.replicas.manifest import ReplicaFile
from parquetry.tuning.rewriting.digests import Digest, digest
from parquetry.tuning.rewriting.row_order import RowOrder, is_ascending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from parquetry.model.content_hash import ContentHash
    from parquetry.model.layouts import Layout
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey

RowSum: TypeAlias = "Digest | ContentHash"
Summing: TypeAlias = "Callable[[Iterable[pa.Table]], RowSum]"
"""What makes rows, in any order, into a sum by which they are compared; sums of parts add up."""
_SPARE_GROUPS = 2  # a file may have so many row groups more than its rows fill


@dataclass(frozen=True)
class Proof:
    """What new files hold.

    Args:
        files: The files, in the layout's order.
        groups: What is known of their row groups.
        rows: What tells their rows, in any order.
    """

    files: tuple[ReplicaFile, ...]
    groups: pa.Table
    rows: RowSum


def summing(columns: pa.Schema, *, of_facts: bool) -> Summing:
    """Return by what rows are compared: facts by the hash that proves them everywhere else, too."""
    return partial(hash_tables, schema=columns) if of_facts else digest


def sum_sources(survey: Survey, summed: Summing) -> RowSum:
    """Return the sum of the rows of a dataset's files.

    **Cost:** every file is decoded once; memory for a few row groups.
    """
    routes = Routes(survey, (), None, 0)

    def one(file: SurveyedFile) -> RowSum:
        return summed(fitted(table, survey.columns) for table in routes.load(file))

    return reduce(add, in_order(one, survey.files), summed(()))


def prove(
    paths: Sequence[str], columns: pa.Schema, layout: Layout, bounded: pa.Schema, summed: Summing
) -> Proof:
    """Return what files hold, once they are found to be laid out as they should be.

    **Cost:** every file is decoded once; memory for a few row groups.

    Args:
        paths: The files, in the layout's order.
        columns: All columns of the dataset, in normal form.
        layout: How the rows should be laid out.
        bounded: The columns whose bounds are wanted.
        summed: By what rows are compared.

    Raises:
        CorruptionError: Rows do not stand in the layout's order, row groups are not of its size, or a
            file cannot be decoded.
    """
    order = RowOrder.of(layout, columns.names)

    def look(path: str) -> _Looked:
        return _look_into(path, columns, order, layout, bounded, summed)

    found = list(in_order(look, paths))
    ends = [one.ends for one in found if one.ends.height]
    if ends and not is_ascending(pl.concat(ends)):
        raise _out_of_order(posixpath.dirname(paths[0]), layout)
    groups = [
        (number, rows, size, bounds)
        for number, one in enumerate(found)
        for rows, size, bounds in one.groups
    ]
    return Proof(
        tuple(one.file for one in found),
        group_table(groups, bounded),
        reduce(add, (one.rows for one in found), summed(())),
    )


def check_rows(survey: Survey, source: RowSum, found: RowSum) -> None:
    """Raise unless new files hold the rows of their sources.

    Raises:
        CorruptionError: They do not.
    """
    if source != found:
        raise CorruptionError(
            f"The new files hold other rows than {survey.root}: {found.rows:,} with the hash {found} "
            f"where {source.rows:,} with {source} stood. They were discarded and the dataset is as it "
            "was. The disk or the memory of this machine cannot be trusted, or somebody writes to files "
            "in place.",
            path=survey.root,
        )


@dataclass(frozen=True)
class _Looked:
    """What was seen in a file; `ends` are the terms of its first and last row."""

    file: ReplicaFile
    rows: RowSum
    groups: list[tuple[int, int, dict[str, Bound]]]
    ends: pl.DataFrame


def _look_into(
    path: str,
    columns: pa.Schema,
    order: RowOrder,
    layout: Layout,
    bounded: pa.Schema,
    summed: Summing,
) -> _Looked:
    footer = read_footer(path)
    numbers = [n for n in range(footer.num_row_groups) if footer.row_group(n).num_rows]
    sizes = [footer.row_group(n).num_rows for n in numbers]
    _check_sizes(path, sizes, layout)
    bounds: list[dict[str, Bound]] = []
    ends: list[pl.DataFrame] = []

    def tables() -> Iterator[pa.Table]:
        for table in decode_rows(path, read_schema(path)):
            rows = fitted(table, columns)
            _check_order(path, order.values(rows), ends, layout)
            start = 0
            while start < rows.num_rows:
                group = rows.slice(start, sizes[len(bounds)])
                bounds.append({field.name: bound_of(group[field.name]) for field in bounded})
                start += group.num_rows
            yield rows

    found = summed(tables())
    weights = [encoded_bytes(footer, number) for number in numbers]
    file = ReplicaFile(posixpath.basename(path), found.rows, os.path.getsize(path), len(sizes))
    groups = list(zip(sizes, weights, bounds, strict=True))
    return _Looked(file, found, groups, pl.concat(ends) if ends else pl.DataFrame())


def _check_sizes(path: str, sizes: Sequence[int], layout: Layout) -> None:
    most = -(-sum(sizes) // layout.row_group_rows) + _SPARE_GROUPS
    if len(sizes) > most or max(sizes, default=0) > layout.row_group_rows:
        raise CorruptionError(
            f"{path} has {len(sizes)} row groups of up to {max(sizes):,} rows, where the layout asks "
            f"for {layout.row_group_rows:,} rows each. It was discarded and the dataset is as it was. "
            "Look at what rewrites the files.",
            path=path,
        )


def _check_order(path: str, values: pl.DataFrame, ends: list[pl.DataFrame], layout: Layout) -> None:
    """Raise unless rows follow on those before them; remember the first and the last one."""
    if not values.height:
        return
    if not is_ascending(pl.concat([*ends[1:], values])):
        raise _out_of_order(path, layout)
    ends[:] = [ends[0] if ends else values.head(1), values.tail(1)]


def _out_of_order(where: str, layout: Layout) -> CorruptionError:
    return CorruptionError(
        f"The rows of {where} do not stand in the order of the layout ({layout.describe()}), so that it "
        "finds nothing sooner. The new files were discarded and the dataset is as it was. Look at what "
        "rewrites the files.",
        path=where,
    )
