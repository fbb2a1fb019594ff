"""Which columns of small files are made into larger chunks without decoding them, and how.

Whole numbers and times are packed differences, which nothing compresses much further: their pages are
copied as they are. Plain numbers in small pages compress badly, so their pages are merged. All else is
left to be decoded: what is encoded anew must not be worse to read, or much larger, for having been
cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.codecs import codec_of
from parquetry.files.pages.headers import read_pages
from parquetry.files.pages.made import MadePages, numbers_of, read_facts
from parquetry.files.pages.merging import Merger, Stored
from parquetry.files.splicing.fields import ColumnMetaData, Encoding
from parquetry.files.splicing.structs import WIDEST_VARINT
from parquetry.files.writer_options import CODECS

if TYPE_CHECKING:
    from parquetry.files.bundles.alike import Alike
    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.headers import Pages
    from parquetry.files.splicing.schema import Column

FEWEST_VALUES = 1024
"""Of a page that is copied, on average: smaller ones slow every scan."""

MOST_LOST = 0.02  # of the bytes of a file, by not compressing the pages of a column together


@dataclass(frozen=True)
class _Files:
    """Files alike, and which of them each new row group begins with."""

    names: list[str]
    whole: bytes
    places: Numbers
    sizes: Numbers
    begins: Numbers
    codec: int | None


def make_pages(files: Alike, begins: Numbers, compression: str | None) -> dict[int, MadePages]:
    """Return the pages of new row groups, by leaf, for those columns that need no decoding.

    **Cost:** the bytes of the files and of the new pages are held.

    Args:
        files: Files alike of one row group each.
        begins: Which of them each new row group begins with.
        compression: The codec of the new pages; None leaves copied ones as they are compressed.

    Raises:
        CorruptionError: A page is not the one that was written.
    """
    contents = [file.view(0, file.size) or file.read(0, file.size) for file in files.origin.files]
    sizes = np.array([len(one) for one in contents], np.int64)
    codec = None if compression is None else CODECS[compression]
    given = _Files(
        [file.name for file in files.origin.files],
        b"".join((*contents, bytes(WIDEST_VARINT))),
        np.cumsum(sizes) - sizes,
        sizes,
        begins,
        codec,
    )
    made: dict[int, MadePages] = {}
    for column in files.example.columns:
        leaf = column.first_leaf
        try:
            made[leaf] = _make(given, column, files.origin.groups[0].chunks[leaf])
        except UnusualError:
            continue
    return made


def _make(files: _Files, column: Column, chunks: Chunks) -> MadePages:
    if len(column.elements) != 1:  # it nests
        raise UnusualError
    kind = numbers_of(column.elements[0])
    codecs = chunks.metadata.integer(ColumnMetaData.CODEC)
    if codecs is None or (codecs != codecs[0]).any():
        raise UnusualError
    codec = int(codecs[0])
    pages = read_pages(files.whole, files.places, chunks)
    if pages.encoding != Encoding.DELTA_BINARY_PACKED:
        wanted = CODECS["zstd"] if files.codec is None else files.codec
        is_optional = column.elements[0].repetition == "optional"
        stored = Stored(files.names, files.whole, pages)
        merger = Merger(stored, kind, (codec, wanted), is_optional=is_optional)
        return merger.merge(files.begins)
    if not _can_be_copied(files, pages, codec):
        raise UnusualError
    whole = memoryview(files.whole)
    places = zip(pages.start.tolist(), pages.end.tolist(), strict=True)
    return MadePages(
        [whole[start:end] for start, end in places],
        pages.loose_size + pages.body - pages.start,
        pages.values,
        files.begins,
        read_facts(chunks, kind),
        codec,
    )


def _can_be_copied(files: _Files, pages: Pages, codec: int) -> bool:
    """Whether pages may stay as they are: not too small, and about as short as they could be.

    How short they could be is tried out with those of the first row group.
    """
    if files.codec not in {None, codec} or pages.values.mean() < FEWEST_VALUES:
        return False
    end = int(files.begins[1]) if len(files.begins) > 1 else len(pages.values)
    old = codec_of(codec)
    new = codec_of(CODECS["zstd"] if files.codec is None else files.codec)
    parts = zip(
        pages.body[:end].tolist(),
        pages.size[:end].tolist(),
        pages.loose_size.tolist(),
        strict=False,
    )
    loose = [old.decompress(files.whole[at : at + size], length) for at, size, length in parts]
    least = len(new.compress(b"".join(loose)))
    taken = int((pages.end - pages.start)[:end].sum())
    return taken - least <= MOST_LOST * int(files.sizes[:end].sum())
