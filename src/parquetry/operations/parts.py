"""What a new file is made of: row groups of files, columns of one value, rows at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from parquetry.errors import ConflictError
from parquetry.operations.decoding import decode_files, decode_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Piece:
    """Row groups of a file, with columns that get one value in all of its rows.

    Args:
        path: The file.
        file_schema: The columns of the file, as it declares them.
        group_rows: The rows of each row group of the file.
        groups: Which row groups, ascending; None for all.
        constants: Columns that the file lacks, or whose values are replaced.
        repeated: Columns that are proved to have this value in all rows, so that they need no decoding.
    """

    path: str
    file_schema: pa.Schema
    group_rows: tuple[int, ...]
    groups: tuple[int, ...] | None
    constants: Mapping[str, pa.Scalar]
    repeated: Mapping[str, pa.Scalar] = field(default_factory=dict)

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the row groups."""
        return range(len(self.group_rows)) if self.groups is None else self.groups

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return sum(self.group_rows[number] for number in self.numbers)

    def is_below(self, rows: int) -> bool:
        """Whether each of the row groups has fewer rows than that."""
        return all(self.group_rows[number] < rows for number in self.numbers)

    @cached_property
    def decoded(self) -> pa.Schema:
        """The columns of the file that have to be decoded."""
        known = self.constants.keys() | self.repeated.keys()
        fields = [field for field in self.file_schema if field.name not in known]
        return self.file_schema if len(fields) == len(self.file_schema) else pa.schema(fields)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that the rows have in the new file."""
        return with_constants(self.file_schema, self.constants)

    def load(self, groups: Sequence[int] | None = None) -> Iterator[pa.Table]:
        """Yield the rows, decoded."""
        wanted = self.groups if groups is None else groups
        if not self.decoded:
            rows = sum(self.group_rows[n] for n in (self.numbers if wanted is None else wanted))
            yield self._filled({}, rows)
            return
        yield from map(self.complete, decode_rows(self.path, self.decoded, wanted, self.group_rows))

    def complete(self, table: pa.Table) -> pa.Table:
        """Return the decoded columns with the others, in the order of the schema."""
        if not self.constants and not self.repeated:
            return table
        columns = dict(zip(table.column_names, table.columns, strict=True))
        return self._filled(columns, table.num_rows)

    def _filled(self, columns: dict[str, Any], rows: int) -> pa.Table:
        for name, value in {**self.repeated, **self.constants}.items():
            columns[name] = pa.repeat(value, rows)
        return pa.table([columns[field.name] for field in self.schema], schema=self.schema)

    def fill(self, rows: int) -> pa.Table:
        """Return so many rows of the constant columns alone."""
        return pa.table({name: pa.repeat(value, rows) for name, value in self.constants.items()})


@dataclass(frozen=True)
class Loose:
    """Rows that are decoded already, or lie where reading them costs little.

    Args:
        rows: How many.
        schema: Their columns.
        load: Gives them.
        nans: The columns that may hold a NaN.
        decoded_bytes: How much memory they take, about; None where nobody has looked.
    """

    rows: int
    schema: pa.Schema
    load: Callable[[], Iterator[pa.Table]]
    nans: tuple[str, ...]
    decoded_bytes: int | None = None


Part: TypeAlias = Piece | Loose


def decoded(parts: Sequence[Part]) -> Iterable[pa.Table]:
    """Return the rows of one part, or of several small files alike, decoded at once."""
    one = parts[0]
    if isinstance(one, Loose) or len(parts) == 1:
        return one.load()
    paths = [part.path for part in parts if isinstance(part, Piece)]
    return [one.complete(decode_files(paths, one.decoded))]


def load_each(pieces: Sequence[Piece]) -> list[pa.Table]:
    """Return the rows of several whole small files, of which the same columns are decoded, at once.

    Raises:
        ConflictError: There are other rows than were planned.
    """
    table = decode_files([piece.path for piece in pieces], pieces[0].decoded)
    expected = sum(piece.rows for piece in pieces)
    if table.num_rows != expected:
        raise ConflictError(
            f"{table.num_rows:,} rows stand in {len(pieces)} files from {pieces[0].path} on, and "
            f"{expected:,} were planned: somebody has changed one. Nothing was changed; plan again and "
            "retry.",
            path=pieces[0].path,
        )
    tables = []
    start = 0
    for piece in pieces:
        tables.append(piece.complete(table.slice(start, piece.rows)))
        start += piece.rows
    return tables


def with_constants(schema: pa.Schema, constants: Mapping[str, pa.Scalar]) -> pa.Schema:
    """Return a schema with the columns that are filled with one value."""
    for name, value in constants.items():
        place = schema.get_field_index(name)
        field = pa.field(name, value.type)
        schema = schema.append(field) if place < 0 else schema.set(place, field)
    return schema
