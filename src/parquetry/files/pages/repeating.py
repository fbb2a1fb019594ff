"""Pages of columns of text that have one value in each new row group, as keys of partitions do."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.pages.made import Facts, MadePages
from parquetry.files.pages.merging import MOST_VALUES
from parquetry.files.pages.page_bytes import data_header, dictionary_page, levels_of
from parquetry.files.splicing.fields import Encoding
from parquetry.files.splicing.structs import varint
from parquetry.files.writer_options import CODECS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.lockstep import Numbers

_SIZE_BYTES = 4  # before each text of a dictionary
_CODE_BITS = b"\1"


def repeat(texts: Sequence[str], rows: Numbers, *, is_optional: bool) -> MadePages:
    """Return the pages of new row groups.

    **Guarantees:** they have the dictionary and the pages that encoding the texts would give; so few
    bytes are not compressed.

    Args:
        texts: The text of each row group.
        rows: How many rows each has.
        is_optional: Whether levels say which texts are NULL.
    """
    contents = [text.encode() for text in texts]
    counts = [_cut(count) for count in rows.tolist()]
    held = [count for some in counts for count in some]
    pages = [_page(count, is_optional=is_optional) for count in held]
    ends = np.cumsum([len(some) for some in counts])
    begins = np.concatenate([[0], ends[:-1]])
    numbers = np.repeat(np.arange(len(contents)), np.diff(ends, prepend=0))
    return MadePages(
        pages,
        np.array([len(page) for page in pages]),
        np.array(held, np.int64),
        begins,
        Facts(numbers, numbers, np.zeros(len(pages), np.int64), contents),
        CODECS["none"],
        [_dictionary(content) for content in contents],
    )


def _cut(rows: int) -> list[int]:
    """Return how many rows the pages of a row group have."""
    full, left = divmod(rows, MOST_VALUES)
    return [MOST_VALUES] * full + [left] * bool(left)


@lru_cache(maxsize=256)
def _page(rows: int, *, is_optional: bool) -> bytes:
    """Return a page of so many codes of the first text."""
    levels = levels_of(rows) if is_optional else b""
    stored = b"".join((levels, _CODE_BITS, varint(rows << 1), b"\0"))
    return data_header(rows, len(stored), stored, Encoding.RLE_DICTIONARY) + stored


@lru_cache(maxsize=256)
def _dictionary(content: bytes) -> bytes:
    return dictionary_page(1, len(content).to_bytes(_SIZE_BYTES, "little") + content)
