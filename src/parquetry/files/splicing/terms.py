"""On which terms the chunks of a source may stand in the new file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from parquetry.errors import NotFoundError
from parquetry.files.splicing.compatibility import find_differences, find_refusals, refuse
from parquetry.files.splicing.moving import Pick, Tail
from parquetry.files.splicing.statistics import Bounds, decide_bounds

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from parquetry.files.splicing.footer import Footer, Group
    from parquetry.files.splicing.schema import Column
    from parquetry.files.splicing.source import Source

FloatBounds: TypeAlias = Literal["proven", "all"]
"""Whether bounds of floats stay only where the footer counts no NaN, or everywhere."""


class Terms:
    """What was found out about one source, so that it is found out once.

    Args:
        reference: The footer whose schema the new file gets.
        footer: The footer of the source; the source itself is not held on to.
        float_bounds: Which bounds of floats stay.
    """

    def __init__(self, reference: Footer, footer: Footer, float_bounds: FloatBounds) -> None:
        self._reference = reference
        self._footer = footer
        self._float_bounds = float_bounds
        self._refusals = find_refusals(footer)
        self._columns = {column.name: column for column in footer.columns}
        self._agreed: set[frozenset[str]] = set()
        self._bounds: dict[str, list[Bounds]] = {}

    def group(self, index: int) -> Group:
        """Return a row group, if its bytes may be copied.

        Raises:
            NotFoundError: If there is none of that number.
            RequestError: If they may not.
        """
        groups = self._footer.row_groups
        if not 0 <= index < len(groups):
            name = self._footer.name
            raise NotFoundError(f"{name} has {len(groups)} row groups, none of number {index}.")
        here = [one for one in self._refusals if one.row_group in {None, index}]
        refuse(here, f"Row group {index} of {self._footer.name}", self._footer.name)
        return groups[index]

    def agree(self, columns: Collection[str]) -> None:
        """Hold the meaning of columns against the reference, once.

        Raises:
            SchemaMismatchError: If it differs.
        """
        wanted = frozenset(columns)
        if wanted not in self._agreed:
            found = find_differences(self._reference, self._footer, wanted)
            refuse(found, f"Columns of {self._footer.name}", self._footer.name)
            self._agreed.add(wanted)

    def columns_without(self, names: Collection[str]) -> set[str]:
        """Return the columns of the source and of the reference but some."""
        ours = {column.name for column in self._reference.columns}
        return (ours | self._columns.keys()).difference(names)

    def leaves(self, column: Column) -> range:
        """Return the numbers that the leaves of the reference's column have in the source."""
        first = self._columns[column.name].first_leaf
        return range(first, first + len(column.leaves))

    def picks(self, source: Source, group: Group, column: Column) -> list[Pick]:
        """Return the chunks of a column."""
        leaves, bounds = self.leaves(column), self.bounds(column)
        return [
            Pick(source, group.chunks[leaf], one) for leaf, one in zip(leaves, bounds, strict=True)
        ]

    def bounds(self, column: Column) -> list[Bounds]:
        """Return what becomes of the bounds of a column, leaf by leaf."""
        bounds = self._bounds.get(column.name)
        if bounds is None:
            bounds = self._bounds[column.name] = self._decide_bounds(column)
        return bounds

    def _decide_bounds(self, column: Column) -> list[Bounds]:
        decided = [
            decide_bounds(self._reference, column.first_leaf + step, self._footer, leaf, element)
            for step, (leaf, element) in enumerate(
                zip(self.leaves(column), column.leaves, strict=True)
            )
        ]
        if self._float_bounds == "proven":
            return decided
        return [Bounds.KEEP if one is Bounds.KEEP_IF_NO_NAN else one for one in decided]


class Tails:
    """Rows whose pages come behind those of a row group."""

    def __init__(self, terms: Terms, source: Source, index: int, rows_before: int) -> None:
        self._terms = terms
        self._source = source
        self._group = terms.group(index)
        self._rows_before = rows_before
        self.rows = self._group.rows

    def agree(self, columns: Collection[str]) -> None:
        """As `Terms.agree`, of the rows that come behind."""
        self._terms.agree(columns)

    def put_behind(self, picks: Sequence[Pick], column: Column) -> list[Pick]:
        """Return the chunks of a column with the pages that come behind."""
        tails = self._terms.picks(self._source, self._group, column)
        return [
            replace(
                pick,
                tail=Tail(self._source, tail.chunk, tail.bounds, self._rows_before, element),
            )
            for pick, tail, element in zip(picks, tails, column.leaves, strict=True)
        ]
