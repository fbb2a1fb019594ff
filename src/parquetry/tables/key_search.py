"""Keys that a table has already: what makes a key hold across files."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import polars as pl
import polars.selectors as cs

from parquetry.errors import KeyViolationError
from parquetry.files.batches import read_batches
from parquetry.files.footers import read_footer
from parquetry.tables.failures import row_text
from parquetry.tables.key_blooms import exclude_by_blooms
from parquetry.tables.key_facts import file_facts
from parquetry.tables.key_planning import (
    KeySearch,
    candidate_files,
    folder_values,
    plan_key_search,
    where,
)
from parquetry.tables.table_files import as_table_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

    from parquetry.tables.key_facts import FileFacts
    from parquetry.tables.table_files import AnyFile, TableFile

_SHOWN = 5
_AT = "::at"
_KEPT_FOOTERS = 128
Inspect: TypeAlias = "Callable[[str, FileMetaData], None]"


class KeyFinder:
    """Looks for keys in the files of a table, time and again; each footer is read once.

    Args:
        key: The columns of the key.
        files: The files.
        inspect: Is shown the path and the footer of each file that can hold keys, and may refuse it.
    """

    def __init__(
        self, key: Sequence[str], files: Iterable[AnyFile], inspect: Inspect | None = None
    ) -> None:
        self._key = tuple(key)
        self._files = as_table_files(files)
        self._inspect = inspect
        self._facts: dict[str, FileFacts] = {}
        self._footers: dict[str, FileMetaData] = {}  # of the first files: footers are large

    def find(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return those keys of a frame that the files have already, each once."""
        keys = self._keys_of(frame)
        return read_existing_keys(self.plan(keys), keys, self._footers)

    def find_rows(self, frame: pl.DataFrame, leaving: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return the keys of those rows that the files have already, with the number `row` of each.

        Args:
            frame: The rows.
            leaving: Keys that will not be there any more.
        """
        there = self.find(frame)
        if leaving is not None and there.height:
            there = there.join(_plain(leaving), on=self._key, how="anti")
        numbered = _plain(frame.select(self._key)).with_row_index("row")
        return numbered.join(there, on=self._key, how="semi", maintain_order="left")

    def plan(self, keys: pl.DataFrame) -> KeySearch:
        """Return which row groups have to be read to find the keys."""
        facts = [self._facts_of(file) for file in candidate_files(keys, self._files)]
        return exclude_by_blooms(plan_key_search(keys, facts, len(self._files)))

    def _keys_of(self, frame: pl.DataFrame) -> pl.DataFrame:
        return _plain(frame.select(self._key)).unique(maintain_order=True)

    def _facts_of(self, file: TableFile) -> FileFacts:
        if file.path not in self._facts:
            footer = read_footer(file.path)
            if self._inspect is not None:
                self._inspect(file.path, footer)
            self._facts[file.path] = file_facts(file, footer, self._key)
            if len(self._footers) < _KEPT_FOOTERS:
                self._footers[file.path] = footer
        return self._facts[file.path]


def find_existing_keys(
    frame: pl.DataFrame, key: Sequence[str], files: Iterable[AnyFile]
) -> pl.DataFrame:
    """Return those keys of a frame that the files have already, each once.

    **Cost**: the footers of the files whose folders can hold one of the keys; of these the key columns
    of the row groups whose statistics and Bloom filters do not rule out all of them. Memory for the
    keys and one batch of rows.

    Raises:
        SchemaMismatchError: A file lacks a column of the key.
        CorruptionError: A file cannot be read.
    """
    return KeyFinder(key, files).find(frame)


def prepare_key_search(keys: pl.DataFrame, files: Iterable[AnyFile]) -> KeySearch:
    """Return which row groups have to be read to find the keys; footers and Bloom filters are read."""
    return KeyFinder(keys.columns, files).plan(keys)


def read_existing_keys(
    search: KeySearch, keys: pl.DataFrame, footers: Mapping[str, FileMetaData] | None = None
) -> pl.DataFrame:
    """Return those of the keys that stand in the row groups of a search.

    Args:
        search: What to read.
        keys: The keys.
        footers: The footers that are known, by the paths of their files.
    """
    known = footers or {}
    found = [keys.clear()]
    for file, groups in groupby(search.groups, key=lambda group: group.file):
        numbers = [group.number for group in groups]
        found += _find_in_file(file, numbers, keys, known.get(file.path))
    there = pl.concat(found).unique()
    return keys.join(there, on=keys.columns, how="semi", maintain_order="left")


def check_new_keys(
    frame: pl.DataFrame, key: Sequence[str], files: Iterable[AnyFile], table: str
) -> None:
    """Raise `KeyViolationError` if the files have any of the frame's keys already.

    The message names the table, the key, how many rows are affected, and the first of them.
    """
    rows = KeyFinder(key, files).find_rows(frame)
    if rows.height:
        raise keys_exist(rows, rows.height, table)


def keys_exist(rows: pl.DataFrame, count: int, table: str) -> KeyViolationError:
    """Return the error that tells of rows whose keys a table has already.

    Args:
        rows: The first of these rows: their number `row`, if they have one, and their key.
        count: How many there are.
        table: The table's name and version.
    """
    key = [name for name in rows.columns if name != "row"]
    shown = "; ".join(row_text(row) for row in rows.head(_SHOWN).iter_rows(named=True))
    more = ", …" if count > _SHOWN else ""
    return KeyViolationError(
        f"{count:,} of these rows have a key that {table} has already; its key is "
        f"({', '.join(key)}): {shown}{more}. Nothing was written. Leave these rows out, or change their "
        "key."
    )


def _plain(keys: pl.DataFrame) -> pl.DataFrame:
    return keys.cast({cs.categorical() | cs.enum(): pl.String})


def _find_in_file(
    file: TableFile, numbers: list[int], keys: pl.DataFrame, footer: FileMetaData | None
) -> Iterator[pl.DataFrame]:
    """Yield the keys that stand in some row groups of a file.

    What the file's folders say is neither read nor compared again.
    """
    folders = [name for name, _ in file.partitions if name in keys.columns]
    fixed = dict(zip(folders, folder_values(keys, file, folders), strict=True))
    here = where(keys, fixed)
    columns = [name for name in keys.columns if name not in folders]
    if not columns:  # the folder alone is the key, and the row groups of a plan have rows
        yield here
        return
    wanted = here.select(columns)
    texts = [name for name in columns if wanted.schema[name] == pl.String]
    for batch in read_batches(file.path, columns, numbers, texts, footer):
        hits = _among(batch, wanted).unique()
        if hits.height:
            yield here.join(hits, on=columns, how="semi")


def _among(batch: pa.RecordBatch, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of a batch that are wanted: first by whole numbers, which compare fast."""
    whole = [name for name, kind in wanted.schema.items() if kind.is_integer()]
    if whole and len(whole) < wanted.width:
        frame = _typed(batch.select(whole), wanted).with_row_index(_AT)
        near = frame.join(wanted.select(whole).unique(), on=whole, how="semi")
        batch = batch.take(near[_AT].to_arrow())
    return _typed(batch, wanted).join(wanted, on=wanted.columns, how="semi")


def _typed(batch: pa.RecordBatch, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return a batch in the types of the keys; what does not fit, in a foreign file, is NULL."""
    frame = pl.DataFrame(pl.from_arrow(batch)).select(batch.schema.names)
    return frame.cast({name: wanted.schema[name] for name in frame.columns}, strict=False)
