"""Texts of small files as codes with a dictionary, without making texts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from parquetry.files.lockstep import UnusualError
from parquetry.files.pages.stored import without_levels
from parquetry.files.splicing.fields import Encoding
from parquetry.files.splicing.structs import read_varint

if TYPE_CHECKING:
    from parquetry.files.bundles.structs import Bytes
    from parquetry.files.lockstep import Numbers
    from parquetry.files.pages.headers import Pages
    from parquetry.files.pages.stored import Stored

_MOST_TEXTS = 256  # of a file; more of them are decoded as fast by engines
_SIZE_BYTES = 4  # before each text of a dictionary
_EIGHT = 8  # codes are packed in groups of so many

Codes: TypeAlias = "np.ndarray[Any, np.dtype[np.int32]]"


class CodedTexts:
    """A column of texts in some files, each with a dictionary of few.

    Args:
        dictionaries: The dictionary of each file.
        stored: The codes of each file.
        pages: What is told of these.
        is_optional: Whether levels say which of the texts are NULL; none may be.

    Raises:
        UnusualError: Codes are written in another way, or there are too many texts.
        CorruptionError: A page is not the one that was written.
    """

    def __init__(
        self, dictionaries: Stored, stored: Stored, pages: Pages, *, is_optional: bool
    ) -> None:
        if pages.encoding not in {Encoding.PLAIN_DICTIONARY, Encoding.RLE_DICTIONARY}:
            raise UnusualError
        known: dict[bytes, list[str]] = {}
        self._texts: list[list[str]] = []
        self._codes: list[Codes] = []
        for number, count in enumerate(pages.values.tolist()):
            content = bytes(dictionaries.content(number))
            if content not in known:
                known[content] = _texts(content)
            self._texts.append(known[content])
            values = without_levels(stored.content(number), count, is_optional=is_optional)
            self._codes.append(_decoded(values, count))

    def of_runs(self, begins: Numbers) -> list[pa.DictionaryArray]:
        """Return the texts of neighbouring files together.

        Args:
            begins: Which file each run of files begins with.
        """
        ends = [*begins[1:].tolist(), len(self._codes)]
        return [self._of_run(*run) for run in zip(begins.tolist(), ends, strict=True)]

    def _of_run(self, first: int, end: int) -> pa.DictionaryArray:
        places: dict[str, int] = {}
        parts: list[Codes] = []
        for texts, codes in zip(self._texts[first:end], self._codes[first:end], strict=True):
            new = np.array([places.setdefault(text, len(places)) for text in texts], np.int32)
            if codes.max() >= len(new):
                raise UnusualError
            parts.append(new[codes])
        values = pa.array(np.concatenate(parts))
        return pa.DictionaryArray.from_arrays(values, pa.array(list(places), pa.string()))


def _texts(content: bytes) -> list[str]:
    """Return the texts of a dictionary."""
    found: list[str] = []
    at = 0
    while at < len(content) and len(found) <= _MOST_TEXTS:
        start = at + _SIZE_BYTES
        at = start + int.from_bytes(content[at:start], "little")
        try:
            found.append(content[start:at].decode())
        except UnicodeDecodeError as error:
            raise UnusualError from error
    if at != len(content) or len(found) > _MOST_TEXTS:
        raise UnusualError
    return found


def _decoded(content: memoryview, count: int) -> Codes:
    """Return codes from runs of one code and runs of packed ones.

    Args:
        content: The width of a code in bits, and the runs.
        count: How many codes there are.
    """
    data = bytes(content)
    if not data or data[0] > _EIGHT:
        raise UnusualError
    width = data[0]
    found = np.zeros(count, np.int32)
    at, done = 1, 0
    try:
        while done < count:
            head, at = read_varint(data, at)
            size = (head >> 1) * _EIGHT if head & 1 else head >> 1
            stop = min(done + size, count)
            length = size * width // _EIGHT if head & 1 else -(-width // _EIGHT)
            if not size or at + length > len(data):
                raise UnusualError
            run = data[at : at + length]
            found[done:stop] = (
                _unpacked(run, width, stop - done) if head & 1 else int.from_bytes(run, "little")
            )
            at, done = at + length, stop
    except IndexError as error:
        raise UnusualError from error
    return found


def _unpacked(packed: bytes, width: int, count: int) -> Bytes | int:
    if not width:
        return 0
    bits: Bytes = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    if width == 1:
        return bits[:count]
    rows = bits.reshape(-1, width)[:count]
    found: Bytes = np.packbits(rows, axis=1, bitorder="little")[:, 0]
    return found
