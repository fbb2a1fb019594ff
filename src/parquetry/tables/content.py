"""A proof that two frames, or two sets of files, hold the same rows, in whatever order and layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.files.batches import read_batches
from parquetry.files.footers import read_schema
from parquetry.model.content_hash import ContentHash, hash_frame, hash_table
from parquetry.model.partitions import parse_text
from parquetry.tables.table_files import as_table_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parquetry.tables.schema import TableSchema
    from parquetry.tables.table_files import AnyFile, TableFile

__all__ = ["ContentHash", "content_hash", "hash_frame"]


def content_hash(files: Iterable[AnyFile], schema: TableSchema | None = None) -> ContentHash:
    """Return the hash of the rows of some files, read batch by batch.

    A column that only the folders' names tell counts as if it stood in the file, with its type in the
    table's schema, else as text.

    **Cost**: every byte of the files once; memory for one batch of rows.

    Raises:
        CorruptionError: A file cannot be read.
        NotFoundError: A file is gone.
    """
    whole = ContentHash()
    for file in as_table_files(files):
        for batch in _batches(file, schema):
            whole += hash_table(batch)
    return whole


def _batches(file: TableFile, schema: TableSchema | None) -> Iterator[pa.Table]:
    names = read_schema(file.path).names
    added = [
        pa.array([parse_text(text, kind)], kind)
        for key, text in file.partitions
        if key not in names
        for kind in [_kind(key, schema)]
    ]
    keys = [key for key, _ in file.partitions if key not in names]
    for batch in read_batches(file.path):
        table = pa.Table.from_batches([batch])
        for key, value in zip(keys, added, strict=True):
            repeated = value.take(pa.array([0] * table.num_rows, pa.int8()))
            table = table.append_column(key, repeated)
        yield table


def _kind(key: str, schema: TableSchema | None) -> pa.DataType:
    if schema is None or key not in schema.column_names:
        return pa.string()
    return schema.column(key).arrow_type
