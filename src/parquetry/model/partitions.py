"""Partition values with their types, and which partitions a question can concern."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import LayoutError

Test = Callable[[str | None], bool]
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class PartitionFilter:
    """What is known of the partitions that a question can concern; it only ever errs by admitting.

    Args:
        exact: For a key, the texts that can match; a lookup, however many folders there are.
        tests: For a key, tests of its text that must all hold.
    """

    exact: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    tests: Mapping[str, tuple[Test, ...]] = field(default_factory=dict)

    def admits(self, key: str, text: str | None) -> bool:
        """Return whether a folder `key=text` can hold rows that matter."""
        wanted = self.exact.get(key)
        if wanted is not None and text not in wanted:
            return False
        return all(test(text) for test in self.tests.get(key, ()))


def infer_type(texts: Iterable[str | None]) -> pa.DataType:
    """Return the type of a key that only the folder names tell: int64, date32 or string.

    Whole numbers count only if every one is written as Python would write it, so `01` and
    `1e234567` stay text; one value that is neither makes the whole key text.
    """
    values = [text for text in texts if text is not None]
    if values and all(_is_canonical_int(text) for text in values):
        return pa.int64()
    if values and all(_is_date(text) for text in values):
        return pa.date32()
    return pa.string()


def _is_canonical_int(text: str) -> bool:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or text == "-0":
        return False
    return str(int(text)) == text and -(2**63) <= int(text) < 2**63


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def parse_text(text: str | None, kind: pa.DataType) -> Any:
    """Return the Python value that a folder's text stands for.

    Raises:
        LayoutError: The text is no value of the type.
    """
    if text is None:
        return None
    try:
        return _parse(text, kind)
    except (ValueError, KeyError, ArithmeticError) as error:
        raise LayoutError(
            f"The folder value {text!r} is no {kind}, the type of this partition key. "
            "Rename the folder, or declare the key as text."
        ) from error


def _parse(text: str, kind: pa.DataType) -> Any:
    if pt.is_string(kind) or pt.is_large_string(kind):
        return text
    if pt.is_integer(kind):
        return int(text)
    if pt.is_floating(kind):
        return float(text)
    if pt.is_boolean(kind):
        return _BOOLEANS[text.lower()]
    if pt.is_decimal(kind):
        return Decimal(text)
    if pt.is_date(kind):
        return dt.date.fromisoformat(text)
    if pt.is_timestamp(kind):
        return dt.datetime.fromisoformat(text)
    if pt.is_time(kind):
        return dt.time.fromisoformat(text)
    raise ValueError(f"no partition key can be {kind}")
