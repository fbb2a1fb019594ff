"""Proof that the rows of some files are those of others, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import pyarrow as pa

from parquetry.errors import CorruptionError, ParameterError, SchemaMismatchError
from parquetry.files.footers import read_footer, read_schema
from parquetry.model.content_hash import ContentHash, hash_table
from parquetry.model.row_hashing import hash_values
from parquetry.operations.decoding import decode_rows
from parquetry.operations.joined_output import fitted
from parquetry.operations.routing import Routes
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from parquetry.operations.parts import Piece
    from parquetry.operations.repartition_plan import RepartitionPlan
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey

Validation: TypeAlias = bool | Literal["content"]
"""Whether rows are counted, and with `"content"` whether their values are compared as well."""


def check_validation(validate: Validation, plan: RepartitionPlan) -> Validation:
    """Return the proof that is made: facts are always compared value by value.

    Raises:
        ParameterError: The wanted proof cannot be had.
    """
    if validate not in {True, False, "content"}:
        raise ParameterError(
            f"validate is True, False or 'content', not {validate!r}. Nothing was changed."
        )
    if validate == "content" and plan.transform is not None:
        raise ParameterError(
            "validate='content' compares all values with those of the source, and a transform_fn "
            "changes them. Nothing was changed. Validate the number of rows (True)."
        )
    return "content" if plan.holds_facts and plan.transform is None else validate


def prove_content(survey: Survey, paths: Sequence[str]) -> None:
    """Raise unless the files hold exactly the rows of a dataset.

    **Cost:** both are decoded once; memory is that of a few row groups.

    Raises:
        CorruptionError: They do not. Nothing was changed.
    """
    routes = Routes(survey, (), None, 0)

    def hash_old(file: SurveyedFile) -> ContentHash:
        return hash_tables(routes.load(file), survey.columns)

    def hash_new(path: str) -> ContentHash:
        return hash_tables(_load(path), survey.columns)

    old = _total(in_order(hash_old, survey.files))
    _compare(old, _total(in_order(hash_new, paths)), survey.root)


def prove_joined(pieces: Iterable[Piece], path: str, root: str) -> None:
    """Raise unless a file holds exactly the rows of the pieces that it was joined of.

    **Cost:** both are decoded once; memory is that of a row group.

    Raises:
        CorruptionError: It does not. Nothing was changed.
    """
    schema = read_schema(path)
    old = _total(hash_tables(piece.load(), schema) for piece in pieces)
    _compare(old, hash_tables(_load(path), schema), root)


def hash_tables(tables: Iterable[pa.Table], schema: pa.Schema) -> ContentHash:
    """Return the hash of rows in the types of a schema, whatever their order."""
    return _total(hash_table(_hashable(fitted(table, schema))) for table in tables)


def _compare(old: ContentHash, new: ContentHash, root: str) -> None:
    if old != new:
        raise CorruptionError(
            f"The new files hold other rows than {root}: {new.rows:,} rows with the hash {new} where "
            f"{old.rows:,} with {old} stood. Nothing was changed, and the new files were thrown away. "
            "The disk or the memory of this machine cannot be trusted, or somebody writes to files in "
            "place.",
            path=root,
        )


def _hashable(table: pa.Table) -> pa.Table:
    """Return a table with columns whose types have no hash as text."""
    for place, field in enumerate(table.schema):
        try:
            hash_values(table[field.name].slice(0, 0))
        except (SchemaMismatchError, pa.ArrowException):
            texts = [repr(value) for value in table[field.name].to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _load(path: str) -> Iterator[pa.Table]:
    if not read_footer(path).num_rows:
        return
    yield from decode_rows(path, read_schema(path))


def _total(found: Iterable[ContentHash]) -> ContentHash:
    return sum(found, ContentHash())
