"""One file of a dataset, decoded row group by row group, as the dataset sees its rows."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.errors import (
    ConflictError,
    CorruptionError,
    NotFoundError,
    ParquetryError,
    SchemaMismatchError,
    StorageError,
)
from parquetry.files.footers import read_footer
from parquetry.files.splicing import Source
from parquetry.files.text_codes import text_in_codes
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows
from parquetry.model.wording import first_line
from parquetry.operations.decoding import decode_rows
from parquetry.operations.types import polars_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from parquetry.operations.bounds import Flags
    from parquetry.operations.scope import ScopedFile

    Places = np.ndarray[tuple[int], np.dtype[np.int64]]

_SMALL_BYTES = 1 << 20  # read at once, for a call a column costs more than the bytes


class OpenedFile:
    """A file of a dataset, opened for decoding. Close it, or use it in a `with` block.

    Args:
        file: The file.
        footer: Its footer, if it was read already.
    """

    def __init__(self, file: ScopedFile, footer: pq.FileMetaData | None = None) -> None:
        self.file = file
        with told(file.path):
            self.footer = read_footer(file.path) if footer is None else footer
        self._handle: Any = None
        self._content: bytes | None = None

    @cached_property
    def group_rows(self) -> list[int]:
        """How many rows each row group has."""
        return [self.footer.row_group(i).num_rows for i in range(self.footer.num_row_groups)]

    @cached_property
    def schema(self) -> pa.Schema:
        """The schema in the types that the writer declared."""
        with told(self.file.path):
            return self._opened().schema_arrow

    def read(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns of a row group, or all, in the file's own types.

        Raises:
            CorruptionError: The data cannot be decoded.
            SchemaMismatchError: Their type or encoding is not known here.
        """
        with told(self.file.path):
            handle = self._opened()
            names = handle.schema_arrow.names if columns is None else list(columns)
            if self._old_times.intersection(names):  # which PyArrow lets run over without a word
                wanted = pa.schema([handle.schema_arrow.field(name) for name in names])
                found = list(decode_rows(self.file.path, wanted, [index]))
                table = pa.concat_tables(found) if found else no_rows(wanted)
                return table.cast(wanted)
            return handle.read_row_group(
                index, columns=None if columns is None else names, use_threads=False
            )

    def _read_some(self, index: int, names: Sequence[str], at: Places) -> pa.Table:
        """Return some rows; of text that has codes, only theirs are looked up."""
        if self._old_times.intersection(names):
            return self.read(index, names).take(array_of(at))
        coded = [name for name in names if name in self.text_in_codes]
        rows = self.read_in_codes(index, coded, names).take(array_of(at))
        for name in coded:
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, name, rows.column(place).cast(pa.string()))
        return rows

    @cached_property
    def text_in_codes(self) -> tuple[str, ...]:
        """The text columns that `read_in_codes` need not make texts of."""
        return () if self._old_times else text_in_codes(self.footer, self.schema)

    def read_in_codes(
        self, index: int, names: Sequence[str], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return some columns of a row group, or all, some of those of `text_in_codes` as codes.

        Raises:
            CorruptionError: The data cannot be decoded.
            SchemaMismatchError: Their type or encoding is not known here.
        """
        with (
            told(self.file.path),
            self._open(read_dictionary=list(names)) as handle,
        ):
            wanted = None if columns is None else list(columns)
            return handle.read_row_group(index, columns=wanted, use_threads=False)

    @cached_property
    def _old_times(self) -> set[str]:
        """The columns that hold times in the old form of 96 bits."""
        physical = [self.footer.schema.column(n) for n in range(self.footer.num_columns)]
        return {one.path.split(".")[0] for one in physical if one.physical_type == "INT96"}

    def _opened(self) -> Any:
        if self._handle is None:
            self._handle = self._open()
        return self._handle

    def source(self) -> Source:
        """Return the file for copying from it.

        Raises:
            RequestError: Its footer is encrypted.
            CorruptionError: Its footer contradicts itself.
        """
        with told(self.file.path):
            content = self._small_content()
        if content is None:
            return Source.open(self.file.path)
        return Source.from_buffer(content, self.file.path)

    def _small_content(self) -> bytes | None:
        """Return the bytes of a small file: it is read in one go, and lies in memory meanwhile."""
        if self._content is None and self.file.state.bytes <= _SMALL_BYTES:
            with open(self.file.path, "rb") as file:
                self._content = file.read()
        return self._content

    def _open(self, read_dictionary: list[str] | None = None) -> Any:
        content = self._small_content()
        return pq.ParquetFile(
            self.file.path if content is None else pa.BufferReader(content),
            metadata=self.footer,
            read_dictionary=read_dictionary,
            page_checksum_verification=True,
        )

    def frame(
        self,
        index: int,
        names: Sequence[str],
        types: Mapping[str, pa.DataType],
        at: Places | None = None,
    ) -> pl.DataFrame:
        """Return columns of a row group as the dataset sees them.

        Partition keys are taken from the folder, with which our own files are known to agree; columns
        that the file lacks are NULL, and all have the types of the dataset.

        Args:
            index: The row group.
            names: The columns.
            types: The dataset's types.
            at: The positions of the rows, if not all are wanted.
        """
        rows = self.footer.row_group(index).num_rows if at is None else len(at)
        held = [n for n in names if n in self.file.columns.names and n not in self.file.keys]
        table = None
        if held:
            table = self.read(index, held) if at is None else self._read_some(index, held, at)
        columns = []
        for name in names:
            if name in held and table is not None:
                found = _cast(table[name], types[name], name, self.file.path)
                columns.append(to_polars(found, name, self.file.path))
            else:
                columns.append(repeated(name, self.file.keys.get(name), rows, types[name]))
        return pl.DataFrame(columns) if columns else pl.DataFrame(height=rows)

    def close(self) -> None:
        """Let the file go."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        self._content = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def repeated(name: str, value: Any, rows: int, kind: pa.DataType) -> pl.Series:
    """Return a column that holds one value."""
    if value is None:
        return to_polars(pa.nulls(rows, kind), name, "the dataset")
    return pl.Series(name, [value], dtype=polars_type(kind)).new_from_index(0, rows)


def rows_of(frame: pl.DataFrame, flags: Flags) -> pl.DataFrame:
    """Return the rows whose flag is set; `DataFrame.filter` would ask the query engine for them."""
    wanted = pl.Series(array_of(flags))
    columns = [column.filter(wanted) for column in frame]
    return pl.DataFrame(columns) if columns else pl.DataFrame(height=int(flags.sum()))


def to_polars(column: pa.Array | pa.ChunkedArray, name: str, where: str) -> pl.Series:
    """Return an Arrow column for Polars.

    Raises:
        SchemaMismatchError: Polars has no such type.
    """
    if polars_type(column.type) is None:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} is {column.type}, which Polars cannot hold without loss, "
            "so it cannot be filtered by, compared or set. Nothing was changed. Leave it out of the "
            "expression, or rewrite it in another type.",
            path=where,
        )
    try:
        if pt.is_nested(column.type):  # Polars mistakes the NULLs of some that are slices of others
            column = column.take(array_of(np.arange(len(column))))
        return pl.Series(name, column)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} cannot be taken over by Polars: {first_line(error)}. "
            "Nothing was changed. Leave it out of the expression.",
            path=where,
        ) from error


def _cast(column: pa.ChunkedArray, kind: pa.DataType, name: str, where: str) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    try:
        return pc.cast(column, kind)
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"The column {name!r} of {where} is {column.type} and cannot be read as {kind}, its type in "
            f"the dataset: {first_line(error)}. Nothing was changed. Check this file.",
            path=where,
        ) from error


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn PyArrow's errors about a file into ours."""
    try:
        yield
    except (FileNotFoundError, NotFoundError) as error:
        raise ConflictError(
            f"{path} is gone since this operation began. Nothing was changed; a retry is safe.",
            path=path,
        ) from error
    except ParquetryError:
        raise
    except pa.ArrowNotImplementedError as error:
        raise SchemaMismatchError(
            f"{path} cannot be decoded: {first_line(error)}. Nothing was changed. Leave the file out "
            "by a partition filter, or rewrite it with the tool that made it.",
            path=path,
        ) from error
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StorageError(
                f"Could not read {path}: {first_line(error)}. Nothing was changed.",
                path=path,
                errno=error.errno,
            ) from error
        raise CorruptionError(
            f"{path} cannot be decoded: {first_line(error)}. Nothing was changed. Compare the file with "
            "its origin or a backup, or move it out of the dataset.",
            path=path,
        ) from error
