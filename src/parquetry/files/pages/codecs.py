"""The codecs of pages, by the numbers that the format gives them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from parquetry.files.lockstep import UnusualError
from parquetry.files.writer_options import ZSTD_LEVEL

_NAMES = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}


@dataclass(frozen=True)
class PageCodec:
    """Compresses the bytes of pages.

    Args:
        codec: Arrow's codec; without one, bytes stay as they are.
    """

    codec: pa.Codec | None

    def compress(self, content: bytes) -> bytes:
        """Return bytes as they are stored."""
        if self.codec is None:
            return content
        stored: bytes = self.codec.compress(content, asbytes=True)
        return stored

    def decompress(self, stored: bytes | memoryview, size: int) -> memoryview:
        """Return the bytes that were stored.

        Args:
            stored: What is stored of them.
            size: How many they are.

        Raises:
            UnusualError: They are not as many, or damaged.
        """
        try:
            loose = stored if self.codec is None else self.codec.decompress(stored, size)
        except (pa.ArrowException, OSError) as error:
            raise UnusualError from error
        if len(loose) != size:
            raise UnusualError
        return memoryview(loose).cast("B")  # Arrow calls its bytes signed


def codec_of(number: int) -> PageCodec:
    """Return a codec.

    Raises:
        UnusualError: Its pages are not opened here.
    """
    if number == 0:
        return PageCodec(None)
    if number not in _NAMES:
        raise UnusualError
    name = _NAMES[number]
    return PageCodec(pa.Codec(name, compression_level=ZSTD_LEVEL if name == "zstd" else None))
