"""Which columns of small files are made into larger chunks without decoding them, and how.

Whole numbers and times are packed differences, which nothing compresses much further: their pages are
copied as they are. Plain numbers in small pages compress badly, so their pages are merged. All else is
left to be decoded: what is encoded anew must not be worse to read, or much larger, for having been
cheap.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bounds import LONGEST_CERTAIN
from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.codecs import codec_of
from parquetry.files.pages.headers import read_pages
from parquetry.files.pages.made import MadePages, numbers_of, read_facts
from parquetry.files.pages.merging import merge
from parquetry.files.pages.repeating import repeat
from parquetry.files.pages.unpacking import PlainPages, unpack
from parquetry.files.splicing.fields import ColumnMetaData, Encoding
from parquetry.files.writer_options import CODECS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.bundles.alike import Alike
    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.headers import Pages
    from parquetry.files.pages.loading import Loaded
    from parquetry.files.splicing.schema import Column

FEWEST_VALUES = 1024
"""Of a page that is copied, on average: smaller ones slow every scan."""

MOST_LOST = 0.02  # of the bytes of a file, by not compressing the pages of a column together


@dataclass(frozen=True)
class SmallFiles:
    """Files alike of one row group each.

    Args:
        files: The files.
        whole: The bytes of all of them, and some more.
        places: Where each begins there.
        sizes: How many bytes each has.
        begins: Which of them each new row group begins with.
        codec: The codec of new pages by its number; None leaves copied ones as they are compressed.
    """

    files: Alike
    whole: bytes
    places: Numbers
    sizes: Numbers
    begins: Numbers
    codec: int | None

    @classmethod
    def of(
        cls, files: Alike, loaded: Loaded, begins: Numbers, compression: str | None
    ) -> SmallFiles:
        """Return files that are among those that were loaded."""
        codec = None if compression is None else CODECS[compression]
        sizes = np.array([file.size for file in files.origin.files], np.int64)
        return cls(files, loaded.whole, loaded.starts[files.members], sizes, begins, codec)

    def make_pages(self, repeated: Mapping[str, Sequence[str]]) -> dict[int, MadePages]:
        """Return the pages of new row groups, by leaf, for those columns that need no decoding.

        Args:
            repeated: Columns of text that have one value in each new row group, and these.

        Raises:
            CorruptionError: A page is not the one that was written.
        """
        made: dict[int, MadePages] = {}
        for column in self.files.example.columns:
            with suppress(UnusualError):
                if column.name in repeated:
                    made[column.first_leaf] = self._repeat(column, repeated[column.name])
                else:
                    made[column.first_leaf] = self._put_together(column)
        return made

    def _put_together(self, column: Column) -> MadePages:
        """Return the pages of a column, copied or merged.

        Raises:
            UnusualError: The column has to be decoded.
        """
        chunks, codec = self._flat(column)
        kind = numbers_of(column.elements[0])
        pages = read_pages(self.whole, self.places, chunks)
        if pages.encoding == Encoding.PLAIN:
            is_optional = column.elements[0].repetition == "optional"
            return self._merged(PlainPages(pages, kind, codec, is_optional))
        if pages.encoding != Encoding.DELTA_BINARY_PACKED or not _can_be_copied(self, pages, codec):
            raise UnusualError
        whole = memoryview(self.whole)
        places = zip(pages.start.tolist(), pages.end.tolist(), strict=True)
        return MadePages(
            [whole[start:end] for start, end in places],
            pages.places.loose_size + pages.places.body - pages.start,
            pages.values,
            self.begins,
            read_facts(chunks, kind),
            codec,
        )

    def _repeat(self, column: Column, texts: Sequence[str]) -> MadePages:
        """Return the pages of a column of text that has one value in each new row group.

        Raises:
            UnusualError: A text is so long that bounds are no place for it.
        """
        self._flat(column)
        if any(len(text.encode()) >= LONGEST_CERTAIN for text in set(texts)):
            raise UnusualError
        rows = np.add.reduceat(self.files.origin.groups[0].rows, self.begins)
        return repeat(texts, rows, is_optional=column.elements[0].repetition == "optional")

    def _merged(self, column: PlainPages) -> MadePages:
        """Return the pages of a column of plain numbers, which is decoded for that.

        Raises:
            UnusualError: It holds a NULL or a NaN, or cannot be decoded here.
            CorruptionError: A page is not the one that was written.
        """
        values = unpack([file.name for file in self.files.origin.files], self.whole, column)
        codec = CODECS["zstd"] if self.codec is None else self.codec
        return merge(column, values, self.begins, codec)

    def _flat(self, column: Column) -> tuple[Chunks, int]:
        """Return the chunk of a column that does not nest, and its codec."""
        chunks = self.files.origin.groups[0].chunks[column.first_leaf]
        codecs = chunks.metadata.integer(ColumnMetaData.CODEC)
        repeats = column.elements[0].repetition == "repeated"
        if len(column.elements) != 1 or repeats or codecs is None or (codecs != codecs[0]).any():
            raise UnusualError
        return chunks, int(codecs[0])


def _can_be_copied(files: SmallFiles, pages: Pages, codec: int) -> bool:
    """Whether pages may stay as they are: not too small, and about as short as they could be.

    How short they could be is tried out with those of the first row group.
    """
    if files.codec not in {None, codec} or pages.values.mean() < FEWEST_VALUES:
        return False
    end = int(files.begins[1]) if len(files.begins) > 1 else len(pages.values)
    old = codec_of(codec)
    new = codec_of(CODECS["zstd"] if files.codec is None else files.codec)
    parts = zip(*(part[:end].tolist() for part in pages.places[:3]), strict=True)
    loose = [old.decompress(files.whole[at : at + size], length) for at, size, length in parts]
    least = len(new.compress(b"".join(loose)))
    taken = int((pages.end - pages.start)[:end].sum())
    return taken - least <= MOST_LOST * int(files.sizes[:end].sum())
