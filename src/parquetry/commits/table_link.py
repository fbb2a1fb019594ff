"""Which table a dataset is of: a small document beside it, and what follows from it for every verb.

The schema itself stands once in the store; what verbs below it must know, the kind and the version, is
repeated in the link.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from parquetry.commits.documents import keep_document
from parquetry.errors import (
    CorruptionError,
    FormatVersionError,
    RequestError,
    SchemaMismatchError,
)
from parquetry.model.table_tag import TableTag
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

TableKind: TypeAlias = Literal["fact", "interpretation"]
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class TableLink:
    """The table of a dataset, its version, and whether its rows are facts or interpretations."""

    tag: TableTag
    kind: TableKind

    def to_json(self) -> bytes:
        """Return the document."""
        document = {"format": _FORMAT, "table": str(self.tag), "kind": self.kind}
        return json.dumps(document, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, path: str) -> TableLink:
        """Return the link of a file.

        Raises:
            FormatVersionError: A newer parquetry wrote it.
            CorruptionError: It is no link.
        """
        try:
            document = json.loads(content)
            written, kind = document["format"], document["kind"]
            tag = TableTag.parse(document["table"])
        except (ValueError, KeyError, TypeError) as error:
            raise _unreadable(path) from error
        if not isinstance(written, int) or tag is None:
            raise _unreadable(path)
        if written > _FORMAT:
            raise FormatVersionError(
                f"{path} was written by a newer parquetry. Nothing was changed. Update parquetry.",
                path=path,
            )
        if kind not in get_args(TableKind):
            raise _unreadable(path)
        return cls(tag, cast("TableKind", kind))


def _unreadable(path: str) -> CorruptionError:
    return CorruptionError(
        f"{path}, which says of which table this dataset is, cannot be read. The data is whole. Remove "
        "this file and create the dataset's table again.",
        path=path,
    )


def find_table_link(home: Home, storage: Storage) -> TableLink | None:
    """Return of which table a dataset is, or None; cached by the file's time and number."""
    facts = find_stat(storage, home.table)
    if facts is None:
        return None
    stamp = (facts.mtime_ns, facts.inode)
    known = _known.get(home.table)
    if known is None or known[0] != stamp:
        known = (stamp, TableLink.from_json(storage.read_bytes(home.table), home.table))
        _known[home.table] = known
    return known[1]


_known: dict[str, tuple[tuple[int, int], TableLink]] = {}


def keep_table_link(home: Home, storage: Storage, link: TableLink) -> None:
    """Make a dataset one of a table, durably."""
    keep_document(home, storage, home.table, link.to_json())


def refuse_fact_change(home: Home, storage: Storage, verb: str) -> None:
    """Raise `RequestError` if the rows of a dataset are facts, which no verb changes.

    Args:
        home: The dataset.
        storage: The disk.
        verb: What was to be done to its rows: `delete`, `update`, `upsert`.
    """
    link = find_table_link(home, storage)
    if link is not None and link.kind == "fact":
        raise RequestError(
            f"Could not {verb} rows of {home.root}: it holds facts, {link.tag}, and facts are only ever "
            "added. Nothing was changed. Append a row that says better, or keep what is derived from "
            "facts in a table of kind interpretation."
        )


def refuse_unheld(home: Home, storage: Storage, what: str, instead: str) -> None:
    """Raise `RequestError` if a dataset is of a table: these rows would not be held to it.

    Args:
        home: The dataset.
        storage: The disk.
        what: What was to be done, after "Could not".
        instead: What to do instead.
    """
    link = find_table_link(home, storage)
    if link is not None:
        raise RequestError(
            f"Could not {what} {home.root}: it is a dataset of the table {link.tag}, and nothing would "
            f"hold these rows to it. Nothing was changed. {instead}"
        )


def holds_facts(home: Home, storage: Storage) -> bool:
    """Return whether the rows of a dataset are facts, which must stay whatever becomes of its files."""
    link = find_table_link(home, storage)
    return link is not None and link.kind == "fact"


def refuse_foreign_file(link: TableLink, tag: TableTag, path: str) -> None:
    """Refuse a file whose columns mean something else than those of its dataset.

    Raises:
        FormatVersionError: It is of a newer MAJOR version of the dataset's table.
        SchemaMismatchError: It is of an older one, or of another table.
    """
    told = f"{path} holds rows of {tag}, and its dataset is of {link.tag}"
    if tag.table != link.tag.table:
        raise SchemaMismatchError(
            f"{told}. Nothing was changed. Move it to the dataset that it belongs to.", path=path
        )
    if tag.major > link.tag.major:
        raise FormatVersionError(
            f"{told}: what its columns mean is not known here. Nothing was changed. Read it with the "
            "newer schema, or move it out of the dataset.",
            path=path,
        )
    if tag.major < link.tag.major:
        raise SchemaMismatchError(
            f"{told}: such rows have to be upgraded. Nothing was changed. Move it out of the dataset, "
            "and append what parquetry.tables.reading.read_compatible makes of it.",
            path=path,
        )
