"""The bytes of the pages of a column in many files, as they are stored and as they mean something."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from parquetry.errors import CorruptionError
from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.codecs import codec_of
from parquetry.files.splicing.structs import varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.pages.headers import Places

_LENGTH_BYTES = 4  # before the levels


class Stored:
    """A page in each of several files, as it is stored.

    Args:
        names: What messages call the files.
        whole: The bytes of all of them.
        places: Where.
        codec: How they are compressed, by the number that the format gives it.

    Raises:
        UnusualError: Such pages are not opened here.
    """

    def __init__(self, names: Sequence[str], whole: bytes, places: Places, codec: int) -> None:
        self._names, self._whole = names, memoryview(whole)
        self._codec = codec_of(codec)
        self._places = list(zip(*(part.tolist() for part in places[:3]), strict=True))
        self._checksums = None if places.checksums is None else places.checksums.tolist()

    def content(self, number: int) -> memoryview:
        """Return levels and values of the page of a file, decompressed.

        Raises:
            UnusualError: They cannot be decompressed.
            CorruptionError: The page is not the one that was written.
        """
        at, size, loose_size = self._places[number]
        stored = self._whole[at : at + size]
        if self._checksums is not None:
            told = self._checksums[number] % (1 << 32)  # it stands there as a signed number
            if zlib.crc32(stored) != told:
                raise _changed(self._names[number])
        return self._codec.decompress(stored, loose_size)


def levels_of(count: int) -> bytes:
    """Return the levels of so many values none of which is NULL, with their length before them."""
    levels = varint(count << 1) + b"\1"
    return len(levels).to_bytes(_LENGTH_BYTES, "little") + levels


def without_levels(content: memoryview, count: int, *, is_optional: bool) -> memoryview:
    """Return the values of a page.

    Args:
        content: What the page holds.
        count: How many values it has.
        is_optional: Whether levels stand before them.

    Raises:
        UnusualError: Levels say of a value that it is NULL, or it takes a closer look.
    """
    if not is_optional:
        return content
    levels = levels_of(count)
    if content[: len(levels)] != levels:
        raise UnusualError
    return content[len(levels) :]


def _changed(name: str) -> CorruptionError:
    return CorruptionError(
        f"{name} cannot be decoded: a page has another checksum than was written with it. Nothing was "
        "changed. Restore the file from a backup, or move it out of the dataset.",
        path=name,
    )
