"""Small files of one kind, decoded, encoded and spliced together."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.bundles.alike import (
    WORTH_A_BUNDLE,
    LooseGroups,
    read_alike,
    read_raw_footer,
)
from parquetry.files.bundles.extending import Tails
from parquetry.files.bundles.glimpsed_file import GlimpsedFile
from parquetry.files.bundles.splicing import change_files, joined, leaves_of, read_change
from parquetry.files.bundles.stacking import ChunkPlaces, Stack, decode_stacked
from parquetry.files.encoding import Encoder
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.files.splicing.fields import RowGroup
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.targets import MemoryFile
from parquetry.files.writer_options import CODECS
from parquetry.model.schema import part_of
from parquetry.operations.bundles import bundles_of
from parquetry.operations.file_options import FileOptions, decimals_beside
from parquetry.operations.fitting import schema_after
from parquetry.operations.opened import OpenedFile
from parquetry.operations.recoding import Recoding
from parquetry.operations.rewriting import Written, is_large
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from parquetry.files.bundles.alike import Alike
    from parquetry.files.lockstep import Flags
    from parquetry.operations.edits import FileEdit, Hits
    from parquetry.operations.recoding import NewValues
    from parquetry.storage.protocol import Storage


class Rewrite(NamedTuple):
    """A file that is to be rewritten, and the path where the new one is staged."""

    edit: FileEdit
    path: str


class Together:
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
        self._sources: list[GlimpsedFile] = []

    def written(self, storage: Storage) -> Iterator[tuple[int, Written]]:
        """Write the files that can be written together, and yield their numbers and what they are."""
        try:
            self._sources = [GlimpsedFile.of(one.edit.file.path) for one in self._files]
            footers = [read_raw_footer(file) for file in self._sources]
        except ParquetryError:  # which is told better where that file is rewritten alone
            return
        read = partial(read_alike, self._sources, footers)
        for alike in each_shape(len(footers), read, WORTH_A_BUNDLE):
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
        schema, keeps_schema = schema_after(first.schema, edit)
        hits = hits_of(edit)
        names = list(edit.stored_setting) if hits else []
        kept = [name for name in schema.names if name not in names]
        checked = names if edit.arriving is None else schema.names
        as_integers = decimals_beside(alike.example, part_of(schema, checked))
        if not keeps_schema or not kept or as_integers is None:
            return
        options = FileOptions(first, self._compression, edit.group_rows)
        encoding = _Encoding(schema, options, as_integers)
        new = {group: self._columns(alike, group, first, names, encoding) for group in hits}
        tails = None if edit.arriving is None else self._tails(alike, first, kept, encoding)
        read = partial(read_change, alike, new, tails)
        for change in each_shape(len(alike.members), read, WORTH_A_BUNDLE):
            with suppress(UnusualError):  # before the first
                contents = map(joined, change_files(alike, change))
                yield from zip(alike.members[change.members].tolist(), contents, strict=True)

    def _columns(
        self, alike: Alike, group: int, first: OpenedFile, names: list[str], encoding: _Encoding
    ) -> LooseGroups:
        """Return the new columns of a row group of each file."""
        members = alike.members.tolist()
        rows = alike.origin.groups[group].rows
        places = bundles_of(range(len(members)), lambda place: int(rows[place]))

        def tables() -> Iterator[pa.Table]:
            for some in places:
                old = self._decoded(alike, group, first, names, some)
                start = 0
                for place in some:
                    edit = self._files[members[place]].edit
                    here = None if old is None else old.slice(start, int(rows[place]))
                    start += int(rows[place])
                    with self._opened(members[place], first) as opened:
                        recoding = Recoding(opened, edit, self._values)
                        hits = hits_of(edit)[group]
                        yield recoding.set_columns(group, hits, names, edit.arriving, here)

        return encoding.encoded(names, tables())

    def _decoded(
        self, alike: Alike, group: int, first: OpenedFile, names: list[str], some: Sequence[int]
    ) -> pa.Table | None:
        """Return columns of a row group of some files as they are, None to ask one file by one."""
        leaves = leaves_of(alike.example, names)
        kinds = [first.footer.schema.column(leaf).physical_type for leaf in leaves]
        if "INT96" in kinds or any(name not in first.schema.names for name in names):
            return None
        kept = np.zeros(len(alike.members), bool)
        kept[some] = True
        groups = alike.origin.groups[group]
        chunks = [groups.chunks[leaf].only(kept) for leaf in leaves]
        chosen = {
            leaf: ChunkPlaces(one.metadata, one.start, one.size)
            for leaf, one in zip(leaves, chunks, strict=True)
        }
        where = np.array([[one.start, one.size] for one in chunks]).transpose(2, 0, 1).tolist()
        pieces: list[bytes] = []
        for member, here in zip(alike.members[kept].tolist(), where, strict=True):
            source = self._sources[member]
            pieces += [source.read(start, size) for start, size in here]
        rows = groups.rows[kept]
        table = decode_stacked(Stack(alike.example.struct).file(rows, chosen, pieces), names)
        return None if table is None else table.select(names)

    def _tails(
        self, alike: Alike, first: OpenedFile, kept: list[str], encoding: _Encoding
    ) -> Tails:
        """Return the rows that come to each file, but for the columns that are set."""

        def tables() -> Iterator[pa.Table]:
            for member in alike.members.tolist():
                edit = self._files[member].edit
                if edit.arriving is not None:
                    opened = self._opened(member, first)
                    yield Recoding(opened, edit, self._values).arriving(edit.arriving, kept)

        groups = encoding.encoded(kept, tables(), with_dictionaries=False)
        return Tails(groups, leaves_of(alike.example, kept), CODECS.get(self._compression, -1))

    def _opened(self, member: int, like: OpenedFile | None = None) -> OpenedFile:
        opened = OpenedFile(self._files[member].edit.file)
        if like is not None:
            opened.schema = like.schema
        return opened


def _is_worth_it(alike: Alike, edit: FileEdit) -> Flags:
    """Return of which files bytes are worth copying, by the measure of `rewrite`."""
    worth = np.ones(len(alike.members), bool)
    if len(alike.numbers) != len(edit.group_rows):
        return ~worth
    setting = hits_of(edit)
    for number, group in enumerate(alike.origin.groups):
        size = group.struct.integer(RowGroup.TOTAL_BYTE_SIZE)
        is_known = (number in setting or edit.arriving is not None) and size is not None
        worth &= is_large(group.rows, size if is_known else 0)
    return worth


class _Encoding(NamedTuple):
    """How new columns and rows are encoded to stand beside those of files."""

    schema: pa.Schema
    options: FileOptions
    as_integers: bool

    def encoded(
        self, names: Sequence[str], tables: Iterable[pa.Table], *, with_dictionaries: bool = True
    ) -> LooseGroups:
        """Return tables of some columns as a row group each."""
        schema = part_of(self.schema, names)
        options = self.options.of_any_rows(
            schema, as_integers=self.as_integers, with_dictionaries=with_dictionaries
        )
        memory = MemoryFile()
        with Encoder(memory, schema, options) as encoder:
            for table in tables:
                encoder.write(table)
                encoder.end_row_group()
        return LooseGroups.of(FileBytes("rows that were just encoded", data=memory.content))


def hits_of(edit: FileEdit) -> dict[int, Hits]:
    """Return the rows that get new values, by row group."""
    return {number: one.setting for number, one in edit.groups.items() if one.setting is not None}
