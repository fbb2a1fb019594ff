"""Files that cannot be read, hold nothing, or contradict the folder they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.verifying import Question, examine_files
from parquetry.model.findings import Finding, printable
from parquetry.model.hive import decode_segment
from parquetry.storage.folders import find_stat
from parquetry.storage.links import find_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from parquetry.commits.checking.survey import Survey
    from parquetry.commits.home import Home
    from parquetry.files.verifying import Examination
    from parquetry.model.findings import Severity
    from parquetry.storage.protocol import Storage

_REPLACE = "Restore it from a backup, or move it out of the dataset."
_PROBLEMS: Mapping[str, tuple[Severity, str, str]] = {
    "zero-bytes": ("error", "Polars skips it without a word, the others fail.", _REPLACE),
    "not-parquet": ("error", "It is no Parquet file; no engine reads past it.", _REPLACE),
    "truncated": ("error", "It was cut off: a write did not come to its end.", _REPLACE),
    "encrypted": ("error", "Nobody can read it without its keys.", "Decrypt it, or move it away."),
    "unreadable": (
        "error",
        "PyArrow refuses it.",
        "Write it anew with another tool, if one reads it.",
    ),
    "damaged": ("error", "Its pages do not hold what was written.", _REPLACE),
    "row-count": ("error", "Engines count its rows differently.", "Write it anew."),
    "crash": ("error", "It may crash every program that reads it.", _REPLACE),
    "timeout": ("error", "It may hang every program that reads it.", _REPLACE),
    "memory": (
        "warning",
        "It needs more memory than was allowed, or lies about its sizes.",
        "Check again with more memory; if it is honest, write it with smaller row groups.",
    ),
    "unsupported": (
        "note",
        "PyArrow cannot decode it in full, so it was not verified.",
        "None needed.",
    ),
}


def look_inside(
    home: Home, storage: Storage, seen: Survey, *, deep: bool, memory_bytes: int
) -> dict[str, Examination]:
    """Return what each data file holds, by relative path; files that are gone by now are left out."""
    questions = [
        Question(f"{home.root}/{file.path}", file.bytes, _values(file.folder))
        for file in seen.data
        if not file.is_link or _leads_to_file(storage, f"{home.root}/{file.path}")
    ]
    found = examine_files(questions, deep=deep, memory_bytes=memory_bytes)
    return {
        examination.path.removeprefix(f"{home.root}/"): examination
        for examination in found
        if examination.problem != "gone"
    }


def _leads_to_file(storage: Storage, link: str) -> bool:
    target = find_target(storage, link)
    facts = None if target is None else find_stat(storage, target)
    return facts is not None and not facts.is_folder


def _values(folder: str) -> dict[str, str | None]:
    segments = [decode_segment(name) for name in folder.split("/")]
    return {segment.key: segment.text for segment in segments if segment is not None}


def content_findings(inside: Mapping[str, Examination]) -> Iterator[Finding]:
    """Yield what is wrong with single files."""
    for path, examination in inside.items():
        shown = printable(path)
        if examination.problem is not None:
            severity, message, advice = _PROBLEMS[examination.problem]
            said = f"{message} ({examination.text})" if examination.text else message
            yield Finding(severity, examination.problem, shown, said, advice)
        elif examination.rows == 0:
            yield Finding("note", "zero-rows", shown, "It holds no rows.", "Compact the dataset.")
        for key, reason in examination.disagreements.items():
            yield Finding(
                "error",
                "partition-disagrees",
                shown,
                f"Its column {key!r} contradicts its folder: {reason}. Polars and DuckDB show the "
                "folder's value, without a word.",
                "Find out which is right; then move the file, or write it anew.",
            )
