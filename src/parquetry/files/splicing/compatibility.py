"""What can be copied as bytes, and what cannot and why.

The answers are values, so that a planner can decide to decode and encode instead.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from parquetry.errors import RequestError, SchemaMismatchError
from parquetry.files.splicing.fields import ColumnChunk, ColumnMetaData, FileMetaData
from parquetry.files.splicing.footer import MAGIC
from parquetry.files.splicing.meaning import READING_KEYS, arrow_meanings
from parquetry.files.splicing.writers import find_defect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from parquetry.files.splicing.footer import Chunk, Footer
    from parquetry.files.splicing.schema import Column


class Reason(StrEnum):
    """Why bytes are not copied."""

    ENCRYPTED = "encrypted"
    OTHER_FILE = "other file"
    PLACE = "place"
    WRITER = "writer"
    DUPLICATE_COLUMN = "duplicate column"
    SCHEMA = "schema"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to copy.

    Args:
        reason: Its kind.
        message: What was found, for people.
        row_group: The only row group that it concerns; None for the whole file.
    """

    reason: Reason
    message: str
    row_group: int | None = None


def find_refusals(footer: Footer) -> tuple[Refusal, ...]:
    """Return why (some of) a file's row groups cannot be copied; mostly nothing."""
    return tuple(_file_refusals(footer)) + tuple(_chunk_refusals(footer))


def find_differences(
    reference: Footer, other: Footer, columns: Collection[str] | None = None
) -> tuple[Refusal, ...]:
    """Return why chunks of `other` cannot stand under the schema of `reference`.

    Args:
        reference: The footer whose schema the new file gets.
        other: The footer of the file to copy from.
        columns: The top-level columns to copy; without it, all of both files.

    Returns:
        The differences in meaning. The order of top-level columns is none.
    """
    return (*_schema_differences(reference, other, columns), *_said(reference, other, columns))


def refuse(refusals: Sequence[Refusal], what: str, path: str) -> None:
    """Raise the reasons, if there are any.

    Raises:
        SchemaMismatchError: If types or meanings differ.
        RequestError: For every other reason.
    """
    if not refusals:
        return
    reasons = "; ".join(refusal.message for refusal in refusals[:5])
    more = f"; and {len(refusals) - 5} more" if len(refusals) > 5 else ""  # noqa: PLR2004
    differ = all(one.reason in {Reason.SCHEMA, Reason.MEANING} for one in refusals)
    kind = SchemaMismatchError if differ else RequestError
    raise kind(
        f"{what} cannot be copied without decoding: {reasons}{more}. "
        f"The new file is unfinished and may be removed; nothing else was changed. "
        f"Decode and encode these rows instead.",
        path=path,
    )


def _file_refusals(footer: Footer) -> Iterator[Refusal]:
    if FileMetaData.ENCRYPTION_ALGORITHM in footer.struct:
        yield Refusal(Reason.ENCRYPTED, "its columns are encrypted under a plain footer")
    if defect := find_defect(footer):
        yield Refusal(Reason.WRITER, defect)
    names = [column.name for column in footer.columns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Refusal(Reason.DUPLICATE_COLUMN, f"it has more than one column {name!r}")


def _chunk_refusals(footer: Footer) -> Iterator[Refusal]:
    ranges: list[tuple[int, int, int]] = []
    for index, group in enumerate(footer.row_groups):
        # A row group without rows is never copied, and what writers say of its pages is often odd.
        for chunk in group.chunks if group.rows else ():
            refusal = _chunk_refusal(chunk, footer, index)
            if refusal is not None:
                yield refusal
            elif chunk.size:
                ranges.append((chunk.start, chunk.end, index))
    ranges.sort()
    for (_, end, _), (start, _, index) in itertools.pairwise(ranges):
        if start < end:
            yield Refusal(Reason.PLACE, f"two column chunks overlap at byte {start}", index)


def _chunk_refusal(chunk: Chunk, footer: Footer, index: int) -> Refusal | None:
    struct, metadata = chunk.struct, chunk.metadata
    if ColumnChunk.FILE_PATH in struct:
        path = struct.text(ColumnChunk.FILE_PATH)
        return Refusal(Reason.OTHER_FILE, f"its data stand in another file, {path!r}", index)
    if (
        ColumnChunk.CRYPTO_METADATA in struct
        or ColumnChunk.ENCRYPTED_COLUMN_METADATA in struct
        or not metadata
    ):
        return Refusal(Reason.ENCRYPTED, "the metadata of a column chunk are hidden", index)
    data = metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET)
    inside = len(MAGIC) <= chunk.start and chunk.size >= 0 and chunk.end <= footer.start
    if data is None or not inside or data > chunk.end:
        message = f"a column chunk claims the bytes {chunk.start} to {chunk.end}"
        return Refusal(Reason.PLACE, f"{message} of {footer.start}", index)
    return None


def _schema_differences(
    reference: Footer, other: Footer, columns: Collection[str] | None
) -> Iterator[Refusal]:
    if reference.raw_schema == other.raw_schema:
        return
    ours = {column.name: column for column in reference.columns}
    theirs = {column.name: column for column in other.columns}
    for name in sorted(ours.keys() | theirs.keys() if columns is None else columns):
        difference = _column_difference(ours.get(name), theirs.get(name))
        if difference:
            yield Refusal(Reason.SCHEMA, f"column {name!r} {difference} in {other.name}")


def _column_difference(one: Column | None, other: Column | None) -> str | None:
    """Return how two columns differ, in words, or nothing."""
    if other is None:
        return "is missing"
    if one is None:
        return "stands only"
    if one.elements == other.elements:
        return None
    if len(one.elements) != len(other.elements):
        return "nests in another way"
    pairs = zip(one.elements, other.elements, strict=True)
    ours, theirs = next(pair for pair in pairs if pair[0] != pair[1])
    if ours.path != theirs.path:
        return f"holds {'.'.join(theirs.path)} instead of {'.'.join(ours.path)}"
    return f"should be {ours}, and is {theirs}"


def _said(reference: Footer, other: Footer, columns: Collection[str] | None) -> Iterator[Refusal]:
    """Yield the differences in what the key-value metadata say about the values."""
    ours, theirs = reference.key_values, other.key_values
    if ours == theirs:
        return
    for key in READING_KEYS:
        if ours.get(key) != theirs.get(key):
            yield Refusal(Reason.MEANING, f"the metadata {key!r} differ in {other.name}")
    mine, its = arrow_meanings(reference), arrow_meanings(other)
    for path in sorted(mine.keys() | its.keys()):
        if mine.get(path) != its.get(path) and _concerns(path, columns):
            name = ".".join(path) or "ARROW:schema"
            message = f"{name} means {mine.get(path)}, and {its.get(path)} in {other.name}"
            yield Refusal(Reason.MEANING, message)


def _concerns(path: tuple[str, ...], columns: Collection[str] | None) -> bool:
    return columns is None or not path or path[0] in columns
