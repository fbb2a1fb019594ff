"""A writer of Parquet that says which of its columns hold no NaN."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.errors import ParquetryError, SchemaMismatchError, StorageError
from parquetry.files.leaves import count_nans
from parquetry.files.splicing.counting import NanCounts
from parquetry.files.targets import Gate, MemoryFile
from parquetry.files.text_codes import CODES, declared, in_codes, tidied
from parquetry.files.writer_options import WriterOptions, writer_options
from parquetry.model.schema import no_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from parquetry.files.splicing.copying import Sink

_NARROW_BATCH_ROWS = 65_536
"""PyArrow looks at the size of a page, and for dictionaries collects statistics, once a batch: with its
1,024 rows that is a tenth of the time. Long values need it, lest a page gets very large."""


class Encoder:
    """Writes rows to a sink as one Parquet file, row group by row group.

    Use it in a `with` block: leaving it in order finishes the file, leaving it by an error does not
    (the sink then holds the beginning of a file). The sink is never closed.

    **Cost**: memory for the rows of one row group, decoded and encoded.

    Args:
        sink: The new file.
        schema: Its schema. Metadata of pandas are left out: they describe rows.
        options: How to write; those of the house if left out.
        codes: Text columns whose values come as codes, as `in_codes` types them.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """

    def __init__(
        self,
        sink: Sink | MemoryFile,
        schema: pa.Schema,
        options: WriterOptions | None = None,
        codes: Sequence[str] = (),
    ) -> None:
        chosen = options or writer_options(schema)
        self.rows = 0
        plain = schema.with_metadata(without_pandas(schema.metadata))
        self._codes = codes
        self._schema = in_codes(plain, codes) if codes else plain
        self._group_rows = chosen.row_group_rows
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._nans: list[dict[int, int]] = []
        self._target = sink if isinstance(sink, MemoryFile) else Gate(sink)
        self._said: list[pq.FileMetaData] = []
        arguments = {**chosen.arguments, "store_schema": not codes}
        if _is_narrow(self._schema):
            arguments["write_batch_size"] = _NARROW_BATCH_ROWS
        with told():
            self._writer = pq.ParquetWriter(
                self._target.file, self._schema, metadata_collector=self._said, **arguments
            )
            if codes:
                self._writer.add_key_value_metadata(declared(plain))

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows. They are encoded as soon as they fill a row group.

        Raises:
            SchemaMismatchError: If their columns are not those of the file.
            StorageError: If the disk refuses.
        """
        table = pa.table(rows) if isinstance(rows, pa.RecordBatch) else rows
        if not table.schema.equals(self._schema):
            raise SchemaMismatchError(
                f"The rows have the columns {_shown(table.schema)}; the file has "
                f"{_shown(self._schema)}. The file is unfinished; nothing else was changed."
            )
        self.rows += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        if self._pending_rows >= self._group_rows:
            self._encode_full()

    def end_row_group(self) -> None:
        """Write what has gathered as a row group, however few rows these are."""
        if self._pending_rows:
            self._encode(self._take())

    def finish(self) -> None:
        """Write what is left of the rows, and the footer.

        Raises:
            StorageError: If the disk refuses.
        """
        self.end_row_group()
        self._target.hold()
        with told():
            self._writer.close()
        self._target.release(NanCounts(self._nans, self._said[0]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self.finish()
            finally:
                self._abandon()
        else:
            self._abandon()

    def _abandon(self) -> None:
        """Let PyArrow's writer go; what it would still write goes nowhere."""
        self._target.shut()
        if self._writer.is_open:
            with suppress(RuntimeError):  # of an unfinished file there are no facts to collect
                self._writer.close()

    def _take(self) -> pa.Table:
        table = pa.concat_tables(self._pending) if self._pending else no_rows(self._schema)
        self._pending, self._pending_rows = [], 0
        return table

    def _encode_full(self) -> None:
        table = self._take()
        full = table.num_rows // self._group_rows * self._group_rows
        for start in range(0, full, self._group_rows):
            self._encode(table.slice(start, self._group_rows))
        if full < table.num_rows:
            self._pending, self._pending_rows = [table.slice(full)], table.num_rows - full

    def _encode(self, table: pa.Table) -> None:
        table = tidied(table, self._codes)
        self._nans.append(count_nans(table))
        with told():
            self._writer.write_table(table, row_group_size=table.num_rows)


def encode_rows(
    rows: Iterable[pa.Table],
    schema: pa.Schema,
    options: WriterOptions | None = None,
    codes: Sequence[str] = (),
) -> bytes:
    """Return rows as the bytes of a Parquet file, for files that are small enough to lie in memory.

    Args:
        rows: Tables of these columns.
        schema: As of `Encoder`.
        options: As of `Encoder`.
        codes: As of `Encoder`.

    Raises:
        SchemaMismatchError: If Parquet has no form for a type.
    """
    memory = MemoryFile()
    with Encoder(memory, schema, options, codes) as encoder:
        for table in rows:
            encoder.write(table)
    return memory.content


@lru_cache(maxsize=256)
def _is_narrow(schema: pa.Schema) -> bool:
    """Whether all values are short: numbers, or codes of texts."""
    return all(_is_short(field.type) for field in schema)


def _is_short(kind: pa.DataType) -> bool:
    is_number = pt.is_primitive(kind) or pt.is_decimal(kind)  # of which dates and times are some
    return bool(is_number or kind == CODES)


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors of PyArrow's writer into ours."""
    try:
        yield
    except ParquetryError:
        raise
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaMismatchError(
            f"These rows cannot be written as Parquet: {error}. The file is unfinished; "
            f"nothing else was changed. Cast the column to a type that Parquet has."
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise StorageError(
            f"Encoding Parquet failed: {error}. The file is unfinished; nothing else was changed."
        ) from error


def without_pandas(metadata: Mapping[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    """Return a schema's metadata but for those of pandas, which describe rows; None for none."""
    kept = {key: value for key, value in (metadata or {}).items() if key != b"pandas"}
    return kept or None


def _shown(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema) or "(none)"
