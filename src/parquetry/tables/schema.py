"""The schema of a table, as a value: everything else here is made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from parquetry.errors import ParameterError, UnknownColumnError
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from parquetry.model.frames import Rows
    from parquetry.tables.columns import Column
    from parquetry.tables.failures import Failures
    from parquetry.tables.rules import Rule

Kind: TypeAlias = Literal["fact", "interpretation"]


@dataclass(frozen=True)
class TableSchema:
    """A table: its columns, its key, its rules, and how it is best laid out.

    A **fact** is what happened; it is written once and never changed. An **interpretation** is what an
    analysis made of facts; another analysis adds its own rows under another `analysis_id`.

    Args:
        name: Its name, which is the name of its folder.
        columns: Its columns, in the order in which they are written.
        primary_key: The columns that together name a row.
        kind: Whether its rows are facts or interpretations.
        version: MAJOR.MINOR.
        number: Its number in a pack of tables.
        title: What it is, in a few words.
        purpose: What it is for, in a sentence or a paragraph.
        rules: What must hold in every row, beyond its columns one by one.
        partition_by: The columns that name its folders, unless its owner says otherwise.
        sort_by: The columns that its rows are best sorted by.

    Raises:
        ParameterError: The schema contradicts itself.
        UnknownColumnError: A key, rule or hint names a column that the table does not have.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    kind: Kind = "fact"
    version: str = "1.0"
    number: int | None = None
    title: str = ""
    purpose: str = ""
    rules: tuple[Rule, ...] = ()
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a schema that contradicts itself."""
        _check_names(self)
        _check_key(self)
        _check_hints(self)
        for rule in self.rules:
            for name in rule.columns:
                self.column(name)
        object.__setattr__(self, "version", str(Version.parse(self.version)))

    @property
    def identifier(self) -> str:
        """Its name and version, `runs@2.0`: what rows carry as `schema_version`."""
        return f"{self.name}@{self.version}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def forbidden_partitions(self) -> tuple[str, ...]:
        """The columns that must never name folders: `step`, and whatever has many or inexact values.

        With the hints `partition_by` and `sort_by` this is what anybody needs to know who lays a
        dataset of the table out: `dataset.table.forbidden_partitions`.
        """
        return tuple(column.name for column in self.columns if not column.may_partition)

    def column(self, name: str) -> Column:
        """Return one of its columns.

        Raises:
            UnknownColumnError: It has none of this name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownColumnError.of(name, self.column_names, f"the table {self.name}")

    def with_version(self, version: str) -> TableSchema:
        """Return the same table under another version."""
        return replace(self, version=version)

    def filter(self, rows: Rows) -> tuple[pl.DataFrame, Failures]:
        """Return the good rows, and the failures of the others; see `validation.filter_rows`."""
        from parquetry.tables.validation import filter_rows

        return filter_rows(self, rows)

    def validate(self, rows: Rows) -> pl.DataFrame:
        """Return the rows, all of them good, or raise; see `validation.validate_rows`."""
        from parquetry.tables.validation import validate_rows

        return validate_rows(self, rows)

    def to_json(self) -> str:
        """Return the schema as a JSON document, which `from_json` reads."""
        from parquetry.tables.json_form import schema_to_json

        return schema_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> TableSchema:
        """Return the schema of a JSON document."""
        from parquetry.tables.json_form import schema_from_json

        return schema_from_json(text)

    def to_arrow(self) -> pa.Schema:
        """Return the schema for PyArrow, with nullability, and with meanings and units as metadata."""
        from parquetry.tables.exports_arrow import arrow_schema

        return arrow_schema(self)

    def to_ddl(self, table: str | None = None) -> str:
        """Return the statements that make such a table in DuckDB."""
        from parquetry.tables.exports_sql import create_table_sql

        return create_table_sql(self, table)

    def to_markdown(self) -> str:
        """Return the documentation of the table."""
        from parquetry.tables.exports_markdown import table_markdown

        return table_markdown(self)

    def to_json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of one row."""
        from parquetry.tables.exports_json_schema import row_json_schema

        return row_json_schema(self)


def _check_names(schema: TableSchema) -> None:
    if not schema.name or "/" in schema.name or "@" in schema.name:
        raise ParameterError(f"A table cannot be called {schema.name!r}; its name is a folder's.")
    names = schema.column_names
    if not names:
        raise ParameterError(f"The table {schema.name} has no columns.")
    folded = [name.casefold() for name in names]
    if twice := [name for name in names if folded.count(name.casefold()) > 1]:
        raise ParameterError(
            f"The table {schema.name} has the column {twice[0]!r} twice; engines do not tell upper from "
            "lower case."
        )


def _check_key(schema: TableSchema) -> None:
    for name in schema.primary_key:
        if schema.column(name).nullable:
            raise ParameterError(
                f"{name!r} is part of the key of {schema.name} and may be NULL; a key never is. Let a "
                "value stand for 'none', such as \"__all__\" or -1."
            )
    if schema.kind == "interpretation" and "analysis_id" not in schema.primary_key:
        raise ParameterError(
            f"{schema.name} is an interpretation, and its key lacks `analysis_id`: two analyses would "
            "overwrite each other."
        )


def _check_hints(schema: TableSchema) -> None:
    for name in schema.sort_by:
        schema.column(name)
    for name in schema.partition_by:
        if not schema.column(name).may_partition:
            raise ParameterError(
                f"{schema.name} cannot be partitioned by {name!r}: it has too many values, or values "
                "that text does not keep exactly."
            )
