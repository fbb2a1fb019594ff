"""One file of a dataset, decoded row group by row group, as the dataset sees its rows."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
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
from parquetry.files.closing import Closing
from parquetry.files.footers import is_footer_of, parse_footer, read_footer
from parquetry.files.splicing import Source
from parquetry.files.text_codes import constant_texts, is_in_codes, text_in_codes
from parquetry.model.plain_numbers import array_of
from parquetry.model.schema import no_rows, part_of
from parquetry.model.wording import first_line
from parquetry.operations.decoding import decode_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from parquetry.operations.reading_together import Seat
    from parquetry.operations.scope import ScopedFile

    Places = np.ndarray[tuple[int], np.dtype[np.int64]]

SMALL_BYTES = 1 << 20  # read at once, for a call a column costs more than the bytes


class KnownFooter(NamedTuple):
    """The footer of a file as it was read a moment ago, and how many rows its row groups have."""

    raw: bytes
    group_rows: Sequence[int]


class OpenedFile(Closing):
    """A file of a dataset, opened for decoding.

    Args:
        file: The file.
        known: Its footer, if it was read already.
        seat: Where it stands among files alike whose footers were read together.
    """

    def __init__(
        self, file: ScopedFile, known: KnownFooter | None = None, seat: Seat | None = None
    ) -> None:
        self.file = file
        self.seat = seat
        self._known = known
        self._readers: dict[tuple[str, ...], Any] = {}
        self._content: bytes | None = None

    @cached_property
    def footer(self) -> pq.FileMetaData:
        """What the file says of itself."""
        with told(self.file.path):
            if self._small_content() is not None:
                return self._reader().metadata
            return self._read_footer()

    def _read_footer(self) -> pq.FileMetaData:
        if self._known is not None:
            return parse_footer(self._known.raw, self.file.path)
        return read_footer(self.file.path)

    @cached_property
    def group_rows(self) -> Sequence[int]:
        """How many rows each row group has."""
        if self._known is not None:
            return self._known.group_rows
        return [self.footer.row_group(i).num_rows for i in range(self.footer.num_row_groups)]

    @cached_property
    def schema(self) -> pa.Schema:
        """The schema in the types that the writer declared."""
        with told(self.file.path):
            return self._reader().schema_arrow

    def read(self, index: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return some columns of a row group, or all, in the file's own types.

        Raises:
            CorruptionError: The data cannot be decoded.
            SchemaMismatchError: Their type or encoding is not known here.
        """
        with told(self.file.path):
            names = self.schema.names if columns is None else list(columns)
            if self._has_old_times(names):  # which PyArrow lets run over without a word
                wanted = part_of(self.schema, names)
                found = list(decode_rows(self.file.path, wanted, [index]))
                table = pa.concat_tables(found) if found else no_rows(wanted)
                return table.cast(wanted)
            return self._reader().read_row_group(
                index, columns=None if columns is None else names, use_threads=False
            )

    def read_some(self, index: int, names: Sequence[str], at: Places) -> pa.Table:
        """Return some rows, with text that has codes as these.

        Raises:
            CorruptionError: The data cannot be decoded.
            SchemaMismatchError: Their type or encoding is not known here.
        """
        kinds = self.file.columns
        text = [name for name in names if pt.is_string(kinds.field(name).type)]
        if self._has_old_times(names) or not text:
            return self.read(index, names).take(array_of(at))
        coded = [name for name in text if is_in_codes(self.footer, index, name)]
        return self.read_in_codes(index, coded, names).take(array_of(at))

    @cached_property
    def text_in_codes(self) -> tuple[str, ...]:
        """The text columns that `read_in_codes` need not make texts of."""
        if self._has_old_times(self.file.columns.names):
            return ()
        return text_in_codes(self.footer, self.schema)

    def read_in_codes(
        self, index: int, names: Sequence[str], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return some columns of a row group, or all, some of those of `text_in_codes` as codes.

        Raises:
            CorruptionError: The data cannot be decoded.
            SchemaMismatchError: Their type or encoding is not known here.
        """
        with told(self.file.path):
            wanted = None if columns is None else list(columns)
            return self._reader(tuple(names)).read_row_group(
                index, columns=wanted, use_threads=False
            )

    def constant_texts(self, index: int, names: Sequence[str]) -> dict[str, str]:
        """Return those of `text_in_codes` that have one value in all rows of a row group, and it."""
        return constant_texts(self.footer, index, names)

    def _has_old_times(self, names: Sequence[str]) -> bool:
        """Whether a column holds times in the old form; most files need not be asked for it."""
        kinds = self.file.columns
        may = [kinds.field(name).type for name in names]
        if not any((pt.is_timestamp(k) and k.unit == "ns") or pt.is_nested(k) for k in may):
            return False
        return not self._old_times.isdisjoint(names)

    @cached_property
    def _old_times(self) -> set[str]:
        """The columns that hold times in the old form of 96 bits."""
        physical = [self.footer.schema.column(n) for n in range(self.footer.num_columns)]
        return {one.path.split(".")[0] for one in physical if one.physical_type == "INT96"}

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
        if self._content is None and self.file.state.bytes <= SMALL_BYTES:
            with open(self.file.path, "rb") as file:
                self._content = file.read()
            self._check_unchanged(self._content)
        return self._content

    def _check_unchanged(self, content: bytes) -> None:
        """Hold a file against what was seen of it; the commit does that again, by its time."""
        if self._known is None or is_footer_of(self._known.raw, content):
            return
        raise changed(self.file.path)

    def _reader(self, in_codes: tuple[str, ...] = ()) -> Any:
        """Return what decodes the file, some text columns as codes."""
        if in_codes not in self._readers:
            content = self._small_content()
            known = next(iter(self._readers.values()), None)
            footer = None if known is None else known.metadata
            self._readers[in_codes] = pq.ParquetFile(
                self.file.path if content is None else pa.BufferReader(content),
                metadata=self.footer if content is None else footer,  # which small ones bring along
                read_dictionary=list(in_codes),
                page_checksum_verification=True,
                pre_buffer=False,  # which would hold the bytes until the reader is closed
            )
        return self._readers[in_codes]

    def close(self) -> None:
        """Let the file go."""
        for reader in self._readers.values():
            reader.close()
        self._readers = {}
        self._content = None


def changed(path: str) -> ConflictError:
    """Return what to say of a file that is another one than before."""
    return ConflictError(
        f"{path} is not what it was when this operation began. Nothing was changed; a retry is safe.",
        path=path,
    )


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
