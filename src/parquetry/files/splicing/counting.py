"""How many values are NaN, said in the footer of a file that does not say it yet.

PyArrow writes bounds of floats as if a NaN were no value, and no count of them. Its footer is
mended here, before it reaches the disk: chunks without NaN say so, which lets DuckDB and `Splicer`
believe their bounds; chunks with NaN lose theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.splicing.fields import ColumnChunk
from parquetry.files.splicing.footer import TAIL_BYTES, parse_footer, seal
from parquetry.files.splicing.statistics import record_nan_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def with_nan_counts(tail: bytes, at: int, counts: Sequence[Mapping[int, int]], name: str) -> bytes:
    """Return the end of a Parquet file, with what is known of NaN.

    Args:
        tail: The end of the file; it holds the whole footer.
        at: Where in the file it begins.
        counts: For each row group the number of NaN by the number of the leaf. Leaves that are left
            out hold no floats.
        name: What messages call the file.
    """
    length = int.from_bytes(tail[-TAIL_BYTES:][:4], "little")
    start = len(tail) - TAIL_BYTES - length
    footer = parse_footer(tail[start:-TAIL_BYTES], at + start, name)
    for group, found in zip(footer.row_groups, counts, strict=True):
        for leaf, count in found.items():
            chunk = group.chunks[leaf]
            if not record_nan_count(chunk.metadata, count):
                chunk.struct.drop(ColumnChunk.COLUMN_INDEX_OFFSET, ColumnChunk.COLUMN_INDEX_LENGTH)
    return tail[:start] + seal(footer.struct)
