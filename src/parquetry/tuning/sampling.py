"""Taking a sample of a dataset, once, and keeping it beside the dataset."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.access.duck import Duck
from parquetry.access.quoting import quote_identifier, quote_list
from parquetry.commits.documents import keep_document
from parquetry.errors import NotFoundError
from parquetry.files.footers import read_footer
from parquetry.storage.folders import find_stat
from parquetry.tuning.samples import Sample, sample_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.source import Source

_ROWS = b"parquetry.rows"
_GROWTH = 0.2
"""A dataset that has changed by this share of its rows is sampled anew."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large some files are, by their footers.

    Args:
        rows: Their rows.
        row_groups: Their row groups.
        bytes: The compressed size of their columns.
        bytes_by_column: The same, column by column.
        compression: The codec of most of these bytes; empty if there are none.
    """

    rows: int
    row_groups: int
    bytes: int
    bytes_by_column: dict[str, int]
    compression: str = ""


def measure_extent(files: Sequence[str]) -> Extent:
    """Return how large some files are. **Cost:** reads every footer."""
    rows = row_groups = 0
    sizes: Counter[str] = Counter()
    codecs: Counter[str] = Counter()
    for path in files:
        footer = read_footer(path)
        rows += footer.num_rows
        row_groups += footer.num_row_groups
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            for index in range(group.num_columns):
                column = group.column(index)
                sizes[column.path_in_schema.split(".")[0]] += column.total_compressed_size
                codecs[column.compression] += column.total_compressed_size
    [(codec, _)] = codecs.most_common(1) or [("", 0)]
    name = {"uncompressed": "none", "lz4_raw": "lz4"}.get(codec.lower(), codec.lower())
    return Extent(rows, row_groups, sizes.total(), dict(sizes), name)


def find_sample(source: Source, extent: Extent, seed: int = 0) -> Sample:
    """Return the sample that is kept beside a dataset.

    It is taken if there is none, and anew if the dataset has become another.

    **Cost:** reads all columns that have an order once, and later only the sample. At most two million
    rows are held in memory.

    Args:
        source: The dataset.
        extent: How large it is now.
        seed: What chance starts from.
    """
    path = f"{source.home.state}/sample.pq"
    columns = [field.name for field in source.schema() if _has_order(field.type)]
    kept = _read_kept(source, path)
    if kept is None or not _is_of(kept, extent.rows, columns):
        kept = take_rows(source, columns, extent.rows, seed)
        source.home.prepare(source.storage)
        keep_document(source.home, source.storage, path, _encoded(kept))
    return Sample(kept.replace_schema_metadata(), extent.rows, extent.bytes, extent.bytes_by_column)


def take_rows(source: Source, columns: Sequence[str], rows: int, seed: int) -> pa.Table:
    """Return rows of a dataset, each taken with the same chance, wherever it stands."""
    name = source.home.name
    wanted = sample_rows(rows)
    sql = f"SELECT {quote_list(columns)} FROM {quote_identifier(name)}"
    if wanted < rows:
        sql += f" USING SAMPLE {100 * wanted / rows:.9f} PERCENT (bernoulli, {seed})"
    duck = Duck(threads=1)  # with more, the seed decides nothing
    try:
        table = duck.run(sql, {name: source}).arrow()
    finally:
        duck.close()
    return table.replace_schema_metadata({_ROWS: str(rows).encode()})


def _has_order(kind: pa.DataType) -> bool:
    return not (pt.is_nested(kind) or pt.is_null(kind))


def _read_kept(source: Source, path: str) -> pa.Table | None:
    if find_stat(source.storage, path) is None:
        return None
    try:
        return pq.read_table(pa.BufferReader(source.storage.read_bytes(path)))
    except (NotFoundError, pa.ArrowException, OSError):
        return None  # it can be taken anew


def _is_of(kept: pa.Table, rows: int, columns: Sequence[str]) -> bool:
    then = int((kept.schema.metadata or {}).get(_ROWS, b"0"))
    return kept.column_names == list(columns) and abs(rows - then) <= _GROWTH * max(then, 1)


def _encoded(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
