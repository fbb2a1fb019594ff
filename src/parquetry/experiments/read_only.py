"""A DuckDB connection that asks and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from parquetry.access.reading_only import check_reads_only

if TYPE_CHECKING:
    import duckdb

_ANSWERS = frozenset(
    {
        "arrow", "close", "description", "df", "fetch_arrow_table", "fetch_df", "fetch_record_batch",
        "fetchall", "fetchdf", "fetchmany", "fetchnumpy", "fetchone", "interrupt", "pl", "rowcount",
        "to_arrow_reader", "to_arrow_table",
    }
)  # fmt: skip


class ReadOnlyConnection:
    """A DuckDB connection of which only what reads is left: `execute`, `sql`, and the answers.

    DuckDB's own mode for reading only still writes files (`COPY … TO`), and knows no databases in
    memory, where views stand.

    **Guarantees:** statements other than SELECT and EXPLAIN are refused before they are run.

    Args:
        connection: The connection, which nobody else should use.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, query: str, parameters: object = None) -> Self:
        """Run a query; its answer is fetched from this connection, as DuckDB has it.

        Raises:
            RequestError: It is no query.
        """
        check_reads_only(query)
        self._connection.execute(query, parameters)
        return self

    def sql(self, query: str, *, params: object = None) -> duckdb.DuckDBPyRelation:
        """Return the answer to a query as a relation of DuckDB.

        Raises:
            RequestError: It is no query.
        """
        check_reads_only(query)
        return self._connection.sql(query, params=params)

    def cursor(self) -> ReadOnlyConnection:
        """Return another connection to the same views, for another thread."""
        return ReadOnlyConnection(self._connection.cursor())

    def __getattr__(self, name: str) -> Any:
        if name in _ANSWERS:
            return getattr(self._connection, name)
        raise AttributeError(f"a connection for reading only has no {name!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
