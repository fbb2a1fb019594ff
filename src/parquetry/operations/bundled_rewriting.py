"""Many small files of which columns are set, rewritten together.

A small file takes less time to decode, encode and write than Python takes to find out where its bytes
go. So that is found out for all files of one shape at once (`files/bundles`), the new columns of all
of them are encoded by one writer, and what is left for each is to read it and to write it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.errors import ParquetryError
from parquetry.files.bundles.alike import (
    WORTH_A_BUNDLE,
    LooseGroups,
    read_alike,
    read_raw_footer,
)
from parquetry.files.bundles.splicing import joined, read_replacements, replace_columns
from parquetry.files.encoding import Encoder
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.files.splicing.fields import RowGroup
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.targets import MemoryFile
from parquetry.operations.file_options import FileOptions, decimals_beside, full_group_rows
from parquetry.operations.fitting import schema_after
from parquetry.operations.opened import SMALL_BYTES, OpenedFile, told
from parquetry.operations.recoding import Recoding
from parquetry.operations.rewriting import Written, is_large, rewrite
from parquetry.operations.working import WORKERS
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.files.bundles.alike import Alike
    from parquetry.files.lockstep import Flags
    from parquetry.files.writer_options import WriterOptions
    from parquetry.operations.edits import FileEdit, Hits
    from parquetry.operations.recoding import NewValues
    from parquetry.storage.protocol import Storage

_BUNDLE_BYTES = 16 << 20


class Rewrite(NamedTuple):
    """A file that is to be rewritten, and the path where the new one is staged."""

    edit: FileEdit
    path: str


def bundled(todo: Sequence[Rewrite]) -> list[list[Rewrite]]:
    """Return the files by those that are rewritten together, each bundle within some megabytes."""
    small = [one for one in todo if _kind(one.edit) is not None]
    size = sum(one.edit.file.state.bytes for one in small)
    count = max(-(-size // _BUNDLE_BYTES), min(WORKERS, len(small) // WORTH_A_BUNDLE))
    if not count:
        return [[one] for one in todo]
    count = -(-count // WORKERS) * WORKERS
    most = -(-size // count)
    bundles: list[list[Rewrite]] = []
    held = most
    for one in small:
        if held >= most:
            bundles.append([])
            held = 0
        bundles[-1].append(one)
        held += one.edit.file.state.bytes
    return bundles + [[one] for one in todo if _kind(one.edit) is None]


def rewrite_bundle(
    storage: Storage,
    bundle: Sequence[Rewrite],
    values: NewValues | None = None,
    compression: str = "zstd",
) -> list[Written]:
    """Stage the files that take the place of others, and return them in their order.

    **Guarantees:** the new files are those that `rewrite` would write.

    **Cost:** each file is read once; of the columns that are set one file at a time is decoded and
    encoded. Memory holds the bytes of all files, and of the new columns.
    """
    found: dict[int, Written] = {}
    kinds: dict[object, list[int]] = {}
    for number, one in enumerate(bundle):
        kinds.setdefault(_kind(one.edit), []).append(number)
    for kind, numbers in kinds.items():
        if kind is not None and len(numbers) >= WORTH_A_BUNDLE:
            together = _Together([bundle[number] for number in numbers], values, compression)
            found |= {numbers[member]: new for member, new in together.written(storage)}
    for number, (edit, path) in enumerate(bundle):
        if number not in found:
            found[number] = rewrite(storage, path, edit, values, compression)
    return [found[number] for number in range(len(bundle))]


def _kind(edit: FileEdit) -> tuple[object, ...] | None:
    """Return what files must have in common to be rewritten together, None if one cannot be."""
    is_small = edit.file.state.bytes <= SMALL_BYTES and all(edit.group_rows)
    setting = tuple(sorted(_hits(edit)))
    is_leaving = any(one.leaving is not None for one in edit.groups.values())
    if not is_small or not setting or is_leaving or edit.arriving is not None:
        return None
    columns = tuple(edit.stored_setting.items())
    return setting, len(edit.group_rows), columns, full_group_rows(edit.group_rows)


def _hits(edit: FileEdit) -> dict[int, Hits]:
    """Return the rows that get new values, by row group."""
    return {number: one.setting for number, one in edit.groups.items() if one.setting is not None}


class _Together:
    """Files of one kind that are rewritten together.

    Args:
        files: The files.
        values: The new values.
        compression: The codec of what is encoded.
    """

    def __init__(
        self, files: Sequence[Rewrite], values: NewValues | None, compression: str
    ) -> None:
        self._files = files
        self._values = values
        self._compression = compression
        self._contents = [_content(one.edit.file.path) for one in files]

    def written(self, storage: Storage) -> Iterator[tuple[int, Written]]:
        """Write the files that can be written together, and yield their numbers and what they are."""
        files = [
            FileBytes(one.edit.file.path, data=content)
            for one, content in zip(self._files, self._contents, strict=True)
        ]
        try:
            footers = [read_raw_footer(file) for file in files]
        except ParquetryError:  # which is told better where that file is rewritten alone
            return
        read = partial(read_alike, files, footers)
        for alike in each_shape(len(files), read, WORTH_A_BUNDLE):
            for member, content in self._rewritten(alike):
                edit, path = self._files[member]
                write_file(storage, path, content)
                yield member, Written(path, edit.rows_after, len(content))

    def _rewritten(self, alike: Alike) -> Iterator[tuple[int, bytes]]:
        """Yield the new content of files of one shape; of none where that takes more than splicing."""
        edit = self._files[int(alike.members[0])].edit
        worth = _is_worth_it(alike, edit)
        if worth.sum() < WORTH_A_BUNDLE:
            return
        if not worth.all():
            alike = alike.only(worth)
        first = self._opened(int(alike.members[0]))
        options = self._options(alike, first, edit)
        if options is None:
            return
        new = {number: self._encoded(alike, number, first, options) for number in _hits(edit)}
        read = partial(read_replacements, alike, new)
        for found in each_shape(len(alike.members), read, WORTH_A_BUNDLE):
            try:
                files = alike.at(found.members)
                contents = map(joined, replace_columns(files, found.columns))
                yield from zip(files.members.tolist(), contents, strict=True)
            except UnusualError:  # before the first
                continue

    def _options(
        self, alike: Alike, first: OpenedFile, edit: FileEdit
    ) -> tuple[pa.Schema, WriterOptions] | None:
        """Return the columns to encode, and how; None if they cannot stand beside the others."""
        schema, keeps_schema = schema_after(first.schema, edit)
        if not keeps_schema or len(edit.stored_setting) == len(schema):
            return None
        columns = pa.schema([schema.field(name) for name in edit.stored_setting])
        as_integers = decimals_beside(alike.example, columns)
        if as_integers is None:
            return None
        options = FileOptions(first, self._compression, edit.group_rows)
        return columns, options.of_any_rows(columns, as_integers=as_integers)

    def _encoded(
        self, alike: Alike, group: int, first: OpenedFile, how: tuple[pa.Schema, WriterOptions]
    ) -> LooseGroups:
        """Return the new columns of a row group of each file."""
        schema, options = how
        memory = MemoryFile()
        with Encoder(memory, schema, options) as encoder:
            for member in alike.members.tolist():
                edit = self._files[member].edit
                with self._opened(member, first) as opened:
                    recoding = Recoding(opened, edit, self._values)
                    table = recoding.set_columns(group, _hits(edit)[group], schema.names, None)
                encoder.write(table)
                encoder.end_row_group()
        return LooseGroups.of(FileBytes("columns that were just encoded", data=memory.content))

    def _opened(self, member: int, like: OpenedFile | None = None) -> OpenedFile:
        file = self._files[member].edit.file
        return OpenedFile.of_content(file, self._contents[member], like)


def _is_worth_it(alike: Alike, edit: FileEdit) -> Flags:
    """Return of which files bytes are worth copying, by the measure of `rewrite`."""
    worth = np.ones(len(alike.members), bool)
    if len(alike.numbers) != len(edit.group_rows):
        return ~worth
    setting = _hits(edit)
    for number, group in enumerate(alike.origin.groups):
        size = group.struct.integer(RowGroup.TOTAL_BYTE_SIZE)
        is_known = number in setting and size is not None
        worth &= is_large(group.rows, size if is_known else 0)
    return worth


def _content(path: str) -> bytes:
    with told(path), open(path, "rb", buffering=0) as file:
        content: bytes = file.read()
        return content
