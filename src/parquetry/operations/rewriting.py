"""One file written anew: what does not change is copied as bytes, the rest decoded and encoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.errors import RequestError
from parquetry.files.encoding import ROW_GROUP_ROWS, Encoder, encode_rows
from parquetry.files.splicing import Source, Splicer, find_refusals, is_extendable
from parquetry.files.writer_options import CODECS
from parquetry.model.schema import part_of
from parquetry.operations.edits import GroupEdit
from parquetry.operations.file_options import FileOptions, decimals_beside, sorting_left
from parquetry.operations.opened import OpenedFile
from parquetry.operations.recoding import Recoding
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from parquetry.files.splicing import Sink
    from parquetry.files.writer_options import WriterOptions
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.recoding import NewValues
    from parquetry.storage.protocol import Storage


SMALL_GROUP_ROWS = 32_768
"""Row groups below this are encoded anew with their neighbours: piles of them slow every reader."""


SMALL_GROUP_BYTES = 128 << 10
"""So large, decoded, are row groups whose columns are copied beside those that are set."""


_IN_MEMORY_BYTES = 16 << 20  # a new file up to about this size is written in one call


@dataclass(frozen=True)
class Written:
    """A staged file: its path, rows and bytes."""

    source: str
    rows: int
    bytes: int


def rewrite(
    storage: Storage,
    path: str,
    edit: FileEdit,
    values: NewValues | None = None,
    compression: str = "zstd",
) -> Written:
    """Stage at a path the file that takes the place of another, and return it.

    **Cost:** row groups that do not change, and columns that are not set, are read and written once
    as bytes. Of the others one row group at a time is decoded and encoded. Small files are written in
    one call.
    """
    with OpenedFile(edit.file) as opened:
        one = _Rewriting(opened, edit, values, compression)
        if edit.file.state.bytes <= _IN_MEMORY_BYTES:
            content = one.content()
            write_file(storage, path, content)
            return Written(path, edit.rows_after, len(content))
        with storage.create(path) as sink:
            one.write(sink)
            return Written(path, edit.rows_after, sink.tell())


def is_large(rows: Any, decoded_bytes: Any) -> Any:
    """Return whether copying columns of a row group costs less than encoding them again.

    Args:
        rows: How many rows it has, or of several row groups each.
        decoded_bytes: How large its values are.
    """
    return (rows >= SMALL_GROUP_ROWS) | (decoded_bytes >= SMALL_GROUP_BYTES)


class _Rewriting:
    """The state of writing one file anew."""

    def __init__(
        self, opened: OpenedFile, edit: FileEdit, values: NewValues | None, compression: str
    ) -> None:
        self._opened = opened
        self._edit = edit
        self._groups = edit.group_rows
        self._edits = [edit.groups.get(n) or GroupEdit() for n in range(len(self._groups))]
        self._left = [
            n for n, rows in enumerate(self._groups) if rows and not self._edits[n].drops_all
        ]
        self._codec = CODECS.get(compression, -1)
        self._recoding = Recoding(opened, edit, values)
        self._schema = self._recoding.schema
        self._options = FileOptions(opened, compression, self._groups)
        self._extended = None if edit.arriving is None else self._find_extended(edit.arriving)

    def content(self) -> bytes:
        """Return the new file; it has to be small enough to lie in memory."""
        memory = io.BytesIO()
        if self._is_spliced(memory):
            return memory.getvalue()
        rows = self._recoding.rows(self._left, self._edit.arriving)
        return encode_rows(rows, self._schema, self._whole_options(), self._recoding.codes)

    def write(self, sink: Sink) -> None:
        """Write the new file."""
        if self._is_spliced(sink):
            return
        options, codes = self._whole_options(), self._recoding.codes
        with Encoder(sink, self._schema, options, codes) as encoder:
            for table in self._recoding.rows(self._left, self._edit.arriving):
                encoder.write(table)

    def _whole_options(self) -> WriterOptions:
        is_sorted = len(self._groups) == 1 and self._edit.arriving is None
        sorting = sorting_left(self._opened, self._edit) if is_sorted else None
        return self._options.of(self._schema, sorting=sorting)

    def _is_spliced(self, sink: Sink) -> bool:
        """Write the new file with what can be copied as bytes; return whether anything can."""
        source = self._open_for_copying()
        if source is None:
            return False
        with source:
            options = self._mixing_options(source)
            if options is not None:
                self._splice(sink, source, options)
            return options is not None

    def _open_for_copying(self) -> Source | None:
        """Return the file for copying from it, None if none of it is worth that or can be."""
        if not self._recoding.keeps_schema or not any(map(self._is_copied, self._left)):
            return None
        try:
            source = self._opened.source()
        except RequestError:
            return None
        if self._extended is not None:
            names = self._kept(self._extended)
            if not is_extendable(source, self._extended, names, self._codec):
                self._extended = None
        if find_refusals(source.footer) or not any(map(self._is_copied, self._left)):
            source.close()
            return None
        return source

    def _find_extended(self, arriving: pa.Table) -> int | None:
        """Return the row group behind whose rows those that come can stand, None if there is none."""
        last = self._left[-1]
        fits = self._groups[last] + arriving.num_rows <= ROW_GROUP_ROWS
        if self._edits[last].leaving is not None or not fits or not self._is_large(last):
            return None
        return last

    def _kept(self, index: int) -> list[str]:
        """Return the columns of a row group that are not set."""
        setting = self._edit.stored_setting if self._edits[index].setting is not None else {}
        return [name for name in self._schema.names if name not in setting]

    def _is_copied(self, index: int) -> bool:
        """Whether bytes of a row group are worth copying: of all columns, or of those not set."""
        edit, rows = self._edits[index], self._groups[index]
        if edit.leaving is not None or not self._kept(index):
            return False
        if index == self._extended:
            return True
        if edit.setting is None:
            return len(self._left) == 1 or bool(is_large(rows, 0))
        if self._edit.arriving is not None and self._extended is None:
            return bool(is_large(rows, 0))  # smaller ones make one row group with what comes
        return self._is_large(index)

    def _is_large(self, index: int) -> bool:
        """Whether copying the columns that are not set costs less than encoding them again."""
        size = self._opened.footer.row_group(index).total_byte_size
        return bool(is_large(self._groups[index], size))

    def _mixing_options(self, source: Source) -> WriterOptions | None:
        """Return how to encode rows so that they can stand beside copied ones, None if they cannot."""
        names = self._schema.names
        if self._edit.arriving is None and all(map(self._is_copied, self._left)):
            names = list(self._edit.stored_setting)
            if all(self._edits[index].setting is None for index in self._left):
                return self._options.of(self._schema)
        schema = part_of(self._schema, names)
        as_integers = decimals_beside(source.footer, schema)
        if as_integers is None:
            return None
        return self._options.of(self._schema, as_integers=as_integers)

    def _splice(self, sink: Sink, source: Source, options: WriterOptions) -> None:
        splicer = Splicer(sink, source.footer)
        pending: list[int] = []
        for index in self._left:
            if not self._is_copied(index):
                pending.append(index)
                continue
            self._encode_between(splicer, pending, options)
            pending = []
            self._copy(splicer, source, index, options)
        left = self._edit.arriving if self._extended is None else None
        self._encode_between(splicer, pending, options, left)
        splicer.finish()

    def _encode_between(
        self,
        splicer: Splicer,
        indexes: Sequence[int],
        options: WriterOptions,
        arriving: pa.Table | None = None,
    ) -> None:
        if not indexes and arriving is None:
            return
        rows = self._recoding.rows(indexes, arriving)
        new = encode_rows(rows, self._schema, options, self._recoding.codes)
        splicer.copy_row_groups(Source.from_buffer(new))

    def _copy(self, splicer: Splicer, source: Source, index: int, options: WriterOptions) -> None:
        """Copy a row group, with columns that are set, and rows that come as pages behind its own."""
        arriving = self._edit.arriving if index == self._extended else None
        as_integers = bool(options.arguments["store_decimal_as_integer"])
        hits = self._edits[index].setting
        replaced, behind = {}, None
        if hits is not None:
            names = list(self._edit.stored_setting)
            table = self._recoding.set_columns(index, hits, names, arriving)
            new = self._options.encoded(table, as_integers=as_integers)
            replaced = dict.fromkeys(names, (new, 0))
        if arriving is not None:
            table = self._recoding.arriving(arriving, self._kept(index))
            new = self._options.encoded(table, as_integers=as_integers, with_dictionaries=False)
            behind = (new, 0)
        splicer.copy_row_group(source, index, replaced, behind)
