"""Hive folder names, `key=value`, escaped so that every engine reads them back alike.

The rule: RFC 3986 unreserved characters stay as they are, every other byte of the UTF-8 text becomes
`%XX`; NULL is `__HIVE_DEFAULT_PARTITION__`, and a text that happens to read like that is escaped.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from parquetry.errors import LayoutError

NULL_NAME = "__HIVE_DEFAULT_PARTITION__"
MAX_NAME_BYTES = 255  # what ext4, xfs, APFS and NTFS allow for one name


@dataclass(frozen=True, slots=True)
class Segment:
    """One `key=value` folder; `text` is the unescaped value, None for NULL."""

    key: str
    text: str | None


def value_text(value: Any) -> str | None:
    """Return the text that stands for a partition value, or None for NULL.

    Floats keep a decimal point or exponent, so that `1.0` and `1` stay different; times are UTC.

    Raises:
        LayoutError: The type cannot name a folder (bytes, lists, structs).
    """
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return str(value)
        case int() | Decimal():
            return str(value)
        case float():
            return "NaN" if math.isnan(value) else repr(value + 0.0)  # -0.0 + 0.0 is 0.0
        case dt.datetime():
            return _datetime_text(value)
        case dt.date() | dt.time():
            return value.isoformat()
    raise LayoutError(
        f"A value of type {type(value).__name__} cannot name a partition folder: {value!r:.80}. "
        "Partition by text, numbers, booleans, dates or times. Nothing was written."
    )


def _datetime_text(value: dt.datetime) -> str:
    if getattr(value, "nanosecond", 0):  # of pandas, which PyArrow gives where it is installed
        raise LayoutError(
            f"The time {value} has nanoseconds, and folders are named to the microsecond. Nothing was "
            "written. Partition by something coarser, such as the date or the hour."
        )
    if value.tzinfo is None:
        return value.isoformat(sep=" ")
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ") + "Z"


def encode_segment(key: str, value: Any) -> str:
    """Return the folder name `key=value`, escaped.

    Raises:
        LayoutError: The name is longer than a file system allows, or the type cannot name a folder.
    """
    return _segment(key, value_text(value))


@lru_cache(maxsize=4096)  # by the text, for values that are equal can have different ones
def _segment(key: str, text: str | None) -> str:
    name = f"{quote(key, safe='')}={_escape(text)}"
    if len(name) > MAX_NAME_BYTES:
        raise LayoutError(
            f"The partition {key}={str(text)[:40]!r}… needs a folder name of {len(name)} bytes; file "
            f"systems allow {MAX_NAME_BYTES}. Nothing was written. Partition by a shorter column, "
            "for example a digest of this one."
        )
    return name


def _escape(text: str | None) -> str:
    if text is None:
        return NULL_NAME
    escaped = quote(text, safe="")
    return "%5F" + escaped[1:] if escaped == NULL_NAME else escaped


@lru_cache(maxsize=4096)  # many folders have the same few names, and each is asked for thrice
def decode_segment(name: str) -> Segment | None:
    """Return the key and value that a folder name stands for, or None if it is no `key=value`."""
    key, equals, value = name.partition("=")
    if not equals or not key:
        return None
    text = None if value == NULL_NAME else unquote(value, errors="surrogateescape")
    return Segment(unquote(key), text)


def partition_folder(values: dict[str, Any]) -> str:
    """Return the relative folder of a partition, `a=1/b=x`; empty for no keys."""
    return "/".join(encode_segment(key, value) for key, value in values.items())


def split_path(relative: str) -> tuple[tuple[Segment, ...], str]:
    """Return the partition segments of a file's relative path, and its file name.

    Raises:
        LayoutError: A folder on the way is no `key=value`, or a key occurs twice.
    """
    *folders, name = relative.split("/")
    segments = []
    for folder in folders:
        segment = decode_segment(folder)
        if segment is None:
            raise LayoutError(
                f"{relative}: the folder {folder!r} is not of the form key=value, so the partition "
                "of this file is ambiguous. Move the file, or name the folder key=value."
            )
        segments.append(segment)
    keys = [segment.key for segment in segments]
    if len(set(keys)) != len(keys):
        raise LayoutError(
            f"{relative}: the key {max(keys, key=keys.count)!r} occurs twice in this path, so its "
            "value is ambiguous. Rename one of the two folders."
        )
    return tuple(segments), name
