"""Names that some engine reads otherwise than another, or not at all."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

from parquetry.model.findings import Finding, printable
from parquetry.model.hive import decode_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parquetry.commits.checking.survey import Survey
    from parquetry.model.findings import Severity

_MISREAD = set(
    "*?[]{}\\\n\r"
)  # unescaped in a folder name: a wildcard, a separator or a line's end
_ESCAPE = "Write the partition anew, with its value escaped (%XX)."


def name_findings(seen: Survey) -> Iterator[Finding]:
    """Yield what is wrong with names."""
    for path, kind in seen.others:
        if kind != "link":
            yield _stranger(path, kind)
    for path in seen.hidden:
        yield Finding(
            "warning",
            "hidden-folder",
            printable(path),
            "This Parquet file stands in a hidden or underscored folder: Polars and DuckDB read it "
            "with `**`, Spark, PyArrow and parquetry do not.",
            "Move it out of the dataset, or give the folder a plain name if it is data.",
        )
    for folder, names in seen.folders.items():
        yield from _names(folder, names)


def _stranger(path: str, kind: str) -> Finding:
    """Return what to say of something that is no data file."""
    name = posixpath.basename(path)
    severity: Severity = "warning"
    advice = "Move it out of the dataset."
    if kind == "other":
        what, message = "special-file", "This is a pipe, a socket or a device, and no file."
    elif name.endswith(".parquet") and name.startswith("._"):
        severity, what = "error", "apple-double"
        message = (
            "macOS left this companion of a file; Polars and DuckDB take it for data and fail."
        )
        advice = "Delete it (`dot_clean` does so for a whole folder)."
    elif name.endswith(".parquet"):
        what = "hidden-file"
        message = "Polars and DuckDB read this file as data, Spark, PyArrow and parquetry do not."
        advice = "Rename it if it is data, otherwise delete it: it is probably an unfinished write."
    elif name == "_SUCCESS":
        what, message = "success-marker", "Polars refuses a bare folder that holds this marker."
        advice = "Delete it; nothing needs it."
    elif name.endswith(".crc"):
        what, message = "checksum-sidecar", "Polars refuses a bare folder that holds this file."
        advice = "Delete it; Hadoop alone reads it."
    else:
        what, message = (
            "other-file",
            "Polars refuses a bare folder that holds anything but Parquet.",
        )
    return Finding(severity, what, printable(path), message, advice)


def _names(folder: str, names: list[str]) -> Iterator[Finding]:
    for name in names:
        path = posixpath.join(folder, name)
        if printable(name) != name:
            yield Finding(
                "error",
                "name-not-utf8",
                printable(path),
                "This name is no UTF-8; Polars, DuckDB and PyArrow fail on it.",
                "Rename it.",
            )
        elif _MISREAD & set(name) or name.count("=") > 1:
            yield Finding(
                "warning",
                "unescaped-name",
                printable(path).replace("\n", "\\n"),
                "Engines take parts of this name for wildcards, separators or the end of a line: "
                "Polars drops the column, DuckDB fails.",
                _ESCAPE,
            )
    yield from _twins(folder, names)


def _twins(folder: str, names: list[str]) -> Iterator[Finding]:
    """Yield names that one system keeps apart and another does not."""
    for kind, fold, message, advice in _FOLDS:
        groups = defaultdict(set)
        for name in names:
            groups[fold(name)].add(name)
        for group in groups.values():
            if len(group) > 1:
                listed = " and ".join(repr(printable(name)) for name in sorted(group))
                yield Finding(
                    "warning", kind, printable(folder) or ".", f"{listed} {message}", advice
                )


def _meaning(name: str) -> object:
    return decode_segment(name) or name


def _normal(name: str) -> object:
    segment = decode_segment(name)
    text = name if segment is None else f"{segment.key}={segment.text}"
    return unicodedata.normalize("NFC", text), segment is not None and segment.text is None


def _caseless(name: str) -> object:
    segment = decode_segment(name)
    if segment is None:
        return name.casefold()
    return segment.key.casefold(), None if segment.text is None else segment.text.casefold()


_Fold = tuple[str, "Callable[[str], object]", str, str]
_FOLDS: tuple[_Fold, ...] = (
    (
        "one-value-two-folders",
        _meaning,
        "mean one partition value.",
        "Compact the partition, so that it stands in one folder.",
    ),
    (
        "unicode-twins",
        _normal,
        "are one text in two Unicode forms; macOS takes them for one name, engines for two values.",
        "Normalize the values (NFC) and write the partitions anew.",
    ),
    (
        "case-twins",
        _caseless,
        "differ only by case; on macOS and Windows they are one name, and rows are lost there.",
        "Give them names that differ otherwise, before the dataset is copied.",
    ),
)
