"""Pages for a new column chunk, and what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from parquetry.files.bundles.structs import read_structs
from parquetry.files.lockstep import Numbers, UnusualError, Walk
from parquetry.files.splicing.fields import ColumnMetaData, Statistics
from parquetry.files.splicing.structs import TRUE, sized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.bundles.chunks import Chunks
    from parquetry.files.bundles.structs import Cut
    from parquetry.files.splicing.schema import Element

Values: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_LETTERS = {"INT32": "i4", "INT64": "i8", "FLOAT": "f4", "DOUBLE": "f8"}


class Facts(NamedTuple):
    """What is said of the values of some pages.

    Args:
        low: The smallest of each page.
        high: The greatest.
        nulls: How many are NULL.
        texts: The texts, where low and high are their numbers.
    """

    low: Values
    high: Values
    nulls: Numbers
    texts: Sequence[bytes] | None = None

    def of_runs(self, begins: Numbers) -> Facts:
        """Return what is said of the values of neighbouring pages together.

        Args:
            begins: Where each run of pages begins.
        """
        return Facts(
            np.minimum.reduceat(self.low, begins),
            np.maximum.reduceat(self.high, begins),
            np.add.reduceat(self.nulls, begins),
            self.texts,
        )

    def binaries(self) -> tuple[list[bytes], list[bytes]]:
        """Return the smallest values, and the greatest, as they are written: lengths and bytes."""
        return self._written(self.low), self._written(self.high)

    def _written(self, values: Values) -> list[bytes]:
        if self.texts is not None:
            return [sized(self.texts[number]) for number in values.tolist()]
        width = values.dtype.itemsize
        head, data = sized(bytes(width))[:-width], values.tobytes()
        return [head + data[at : at + width] for at in range(0, len(data), width)]


@dataclass(frozen=True, eq=False)
class MadePages:
    """The pages of a column for several row groups to be.

    Args:
        pages: The bytes of each page, with its header.
        loose_sizes: How many bytes each takes once it is decompressed, with its header.
        rows: How many rows each has.
        begins: Which page each row group begins with.
        facts: What is said of the values, page by page.
        codec: How they are compressed, by the number that the format gives it.
        dictionaries: What stands before the pages of each row group, if anything does.
    """

    pages: Sequence[bytes | memoryview]
    loose_sizes: Numbers
    rows: Numbers
    begins: Numbers
    facts: Facts
    codec: int
    dictionaries: Sequence[bytes] = ()

    @property
    def heads(self) -> Numbers:
        """How many bytes the dictionary of each row group takes."""
        if not self.dictionaries:
            return np.zeros(len(self.begins), np.int64)
        return np.array([len(one) for one in self.dictionaries], np.int64)

    @property
    def counts(self) -> Numbers:
        """How many pages each row group has."""
        found: Numbers = np.diff(np.append(self.begins, len(self.pages)))
        return found

    def runs(self) -> list[slice]:
        """Return which pages each row group has."""
        ends = [*self.begins[1:].tolist(), len(self.pages)]
        return [slice(*pair) for pair in zip(self.begins.tolist(), ends, strict=True)]


def numbers_of(element: Element) -> np.dtype[Any]:
    """Return NumPy's type for the values of a flat column of numbers, in whose order readers sort them.

    Raises:
        UnusualError: It is none.
    """
    physical = element.physical[0] if element.physical else ""
    letters = _LETTERS.get(physical)
    is_float = physical in {"FLOAT", "DOUBLE"}
    if letters is None or element.repetition == "repeated" or (is_float and element.kind):
        raise UnusualError
    if element.kind[:1] == ("INTEGER",) and element.kind[2] is False:
        letters = letters.replace("i", "u")
    return np.dtype(f"<{letters}")


def read_facts(chunks: Chunks, kind: np.dtype[Any]) -> Facts:
    """Return what the footers say of the values of a chunk.

    Raises:
        UnusualError: They do not say it in all files, or not exactly.
    """
    cut = chunks.metadata.cut(ColumnMetaData.STATISTICS)
    if cut is None:
        raise UnusualError
    data = cut.data.tobytes()
    walk = Walk.within(data, cut.starts, cut.starts + cut.lengths)
    _hold_exact(walk)
    walk = Walk.within(data, cut.starts, cut.starts + cut.lengths)
    found = read_structs(walk, {}, (Statistics.IS_MAX_VALUE_EXACT, Statistics.IS_MIN_VALUE_EXACT))
    low, high = found.cut(Statistics.MIN_VALUE), found.cut(Statistics.MAX_VALUE)
    nulls = found.integer(Statistics.NULL_COUNT)
    if low is None or high is None or nulls is None or not walk.same.all():
        raise UnusualError
    return Facts(_numbers(low, kind), _numbers(high, kind), nulls)


def _hold_exact(walk: Walk) -> None:
    """Raise `UnusualError` unless bounds are told to be exact wherever that is told."""
    for _, kind in walk.fields():
        if kind == TRUE and (walk.data[walk.at - 1] & 0x0F != TRUE).any():
            raise UnusualError
        walk.skip(kind)


def _numbers(cut: Cut, kind: np.dtype[Any]) -> Values:
    width = kind.itemsize
    if (cut.lengths != width + 1).any():
        raise UnusualError
    found: Values = cut.data[cut.starts[:, None] + np.arange(1, width + 1)]
    return np.ascontiguousarray(found).view(kind)[:, 0]
