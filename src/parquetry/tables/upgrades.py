"""Upgrade functions: what makes rows of one MAJOR version of a table into rows of the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from parquetry.errors import AlreadyExistsError, FormatVersionError, SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

Upgrade: TypeAlias = "Callable[[pl.LazyFrame], pl.LazyFrame]"


@dataclass(frozen=True)
class Upgrades:
    """Upgrade functions by table and MAJOR version.

    ```python
    upgrades = Upgrades()


    @upgrades.register("readings", from_major=1)
    def name_the_unit(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.rename({"power": "power_kw"})
    ```
    """

    functions: dict[tuple[str, int], Upgrade] = field(default_factory=dict)

    def register(self, table: str, from_major: int) -> Callable[[Upgrade], Upgrade]:
        """Return a decorator that registers the step from one MAJOR version to the next.

        The function gets the rows with the columns of their files and gives them lazily. What it
        leaves out is NULL; `schema_version` is set for it.

        Raises:
            AlreadyExistsError: The step has a function already.
        """
        step = (table, from_major)
        if step in self.functions:
            raise AlreadyExistsError(
                f"{table} has an upgrade from version {from_major} already. Nothing was changed. "
                "Remove one of the two."
            )

        def remember(function: Upgrade) -> Upgrade:
            self.functions[step] = function
            return function

        return remember

    def chain(self, table: str, from_major: int, to_major: int) -> tuple[Upgrade, ...]:
        """Return the functions that lead from one MAJOR version to a later one, in order.

        Raises:
            FormatVersionError: The rows are of a newer MAJOR version than is asked for.
            SchemaMismatchError: A step has no function.
        """
        if from_major > to_major:
            raise FormatVersionError(
                f"There are rows of {table}@{from_major}, and the schema here is version {to_major}. "
                "Nothing was changed. Read them with the newer schema."
            )
        missing = [m for m in range(from_major, to_major) if (table, m) not in self.functions]
        if missing:
            raise SchemaMismatchError(
                f"There are rows of {table}@{from_major}, and the schema here is version {to_major}; "
                f"no function upgrades from version {missing[0]}. Nothing was changed. Register one: "
                f'@upgrades.register("{table}", from_major={missing[0]}).'
            )
        return tuple(self.functions[table, major] for major in range(from_major, to_major))


UPGRADES = Upgrades()
"""The upgrades that readers use unless they are given others."""
