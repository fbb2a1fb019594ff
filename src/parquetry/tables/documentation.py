"""The documentation of a whole pack of tables, as one Markdown page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tables.exports_markdown import heading, table_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.tables.packs import TablePack


def pack_markdown(pack: TablePack) -> str:
    """Return the page: introduction, index of the tables by chapter, values that are listed, tables."""
    return "\n".join(_lines(pack)).rstrip() + "\n"


def _lines(pack: TablePack) -> Iterator[str]:
    yield f"# {pack.title}"
    yield ""
    yield pack.introduction
    yield "# Dataset index"
    yield ""
    for chapter in pack.chapters:
        yield f"## {chapter.title}"
        yield ""
        for table in chapter.tables:
            yield f"### {heading(table)} ({table.title or table.kind})"
            yield table.purpose
            yield ""
    yield from _enums(pack)
    yield "# Table schemas"
    yield ""
    for table in pack:
        yield table_markdown(table)


def _enums(pack: TablePack) -> Iterator[str]:
    """Tell the values of each column once, with the tables that narrow or widen them."""
    listed: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for table in pack:
        for column in table.columns:
            if column.one_of:
                listed.setdefault((column.name, column.one_of), []).append(table.name)
    if listed:
        yield "# Canonical enums"
        yield ""
    for (name, values), tables in listed.items():
        yield f"- `{name}`: {', '.join(f'`{value}`' for value in values)} ({', '.join(tables)})"
    yield ""
