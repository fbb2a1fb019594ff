"""How commands find the table that a word names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parquetry.tables import TableSchema

InStore = Annotated[
    Path | None,
    typer.Option("--store", help="A store whose own tables count as well.", show_default=False),
]


def all_tables(store: Path | None) -> list[tuple[TableSchema, str]]:
    """Return the tables that can be named, with where they come from: a store's own, then ours.

    A store's are sorted by name, the newest version of each first.
    """
    from parquetry.store import Store
    from parquetry.tables import squiggle
    from parquetry.tables.versions import Version

    own = [] if store is None else Store(store, create=False).schemas()
    own.sort(key=lambda table: Version.parse(table.version), reverse=True)
    own.sort(key=lambda table: table.name)
    known = {table.identifier for table in own}
    return [
        *((table, "store") for table in own),
        *((t, squiggle.TABLES.name) for t in squiggle.TABLES if t.identifier not in known),
    ]


def find_table(word: str, store: Path | None = None) -> TableSchema:
    """Return the table of `runs`, of `runs@2.0`, or of a JSON file.

    A name without a version is the newest that the store has, else the one that comes with parquetry.
    """
    from parquetry.errors import NotFoundError, did_you_mean

    if word.endswith(".json"):
        return _read(Path(word))
    tables = [table for table, _ in all_tables(store)]
    for table in tables:
        if word in {table.name, table.identifier}:
            return table
    known = list(dict.fromkeys(table.name for table in tables))
    where = "" if store is None else f" in {store} or"
    raise NotFoundError(
        f"There is no table {word!r}{where} among those that come with parquetry."
        f"{did_you_mean(word, [*known, *(table.identifier for table in tables)])} There are: "
        f"{', '.join(known)}. A schema of your own is named by its JSON file."
    )


def _read(path: Path) -> TableSchema:
    from parquetry.errors import NotFoundError
    from parquetry.tables import TableSchema

    if not path.is_file():
        raise NotFoundError(
            f"There is no schema at {path}: the file does not exist. `parquetry schema show TABLE "
            "--format json` prints one.",
            path=str(path),
        )
    return TableSchema.from_json(path.read_bytes())
