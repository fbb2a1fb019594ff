"""A pack: tables that belong together, in the order in which they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, ParameterError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tables.schema import TableSchema


@dataclass(frozen=True)
class Chapter:
    """Tables of one kind of content, under one heading."""

    title: str
    tables: tuple[TableSchema, ...]


@dataclass(frozen=True)
class TablePack:
    """Some tables with a common purpose.

    Args:
        name: Its name.
        title: The heading of its documentation.
        introduction: What the tables are for and what they share, as Markdown.
        chapters: The tables, by chapter.
    """

    name: str
    title: str
    introduction: str
    chapters: tuple[Chapter, ...]

    def __post_init__(self) -> None:
        """Refuse two tables of one name."""
        names = [table.name for table in self]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ParameterError(f"The pack {self.name} has the table {twice[0]!r} twice.")

    def __iter__(self) -> Iterator[TableSchema]:
        for chapter in self.chapters:
            yield from chapter.tables

    def __len__(self) -> int:
        return sum(len(chapter.tables) for chapter in self.chapters)

    def __getitem__(self, name: str) -> TableSchema:
        """Return the table of a name.

        Raises:
            NotFoundError: The pack has none.
        """
        for table in self:
            if table.name == name:
                return table
        names = [table.name for table in self]
        raise NotFoundError(
            f"The pack {self.name} has no table {name!r}.{did_you_mean(name, names)} "
            f"It has: {', '.join(names)}."
        )
