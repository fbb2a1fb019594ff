"""`parquetry query`: rows of a dataset, or any SQL over all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.options import BaseOut, StoreArgument, one_store

if TYPE_CHECKING:
    from parquetry.access.results import QueryResult
    from parquetry.store import Store

_SHOWN = 50
_WRITERS = {".parquet": "write_parquet", ".csv": "write_csv", ".json": "write_json"}


def query(
    store: StoreArgument = None,
    dataset: Annotated[
        str, typer.Argument(help="The dataset or view to read.", show_default="events")
    ] = "",
    base_out: BaseOut = None,
    where: Annotated[
        str, typer.Option(help="Rows to keep, as SQL: \"regret < 0.1 and algo = 'x'\".")
    ] = "",
    limit: Annotated[
        int | None, typer.Option(help="How many rows at most; all when written to a file.")
    ] = None,
    sql: Annotated[str, typer.Option("--sql", help="A whole query instead.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a .parquet, .csv or .json file.")
    ] = None,
) -> None:
    """Query a store of datasets with SQL.

    Both forms work: [bold]parquetry query STORE DATASET[/bold] and
    [bold]parquetry query --base-out STORE[/bold], which reads [italic]events[/italic].
    """
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text
    from parquetry.store import Store

    if store is not None and base_out is not None and not dataset:
        store, dataset = None, str(store)
    if sql and (where or dataset):
        raise typer.BadParameter("give either --sql or a dataset with --where, not both")
    if output is not None and output.suffix not in _WRITERS:
        raise typer.BadParameter(f"{output}: name a .parquet, .csv or .json file")
    is_cut = limit is None and output is None and not sql
    text = sql or _select(dataset or "events", where, _SHOWN + 1 if is_cut else limit)
    result = _ask(Store(one_store(store, base_out), create=False), text, dataset)
    if output is not None:
        rows = _write(result, output)
        say(f"{count_text(rows, 'row')} written to {output}")
        return
    found = result.fetchall()
    shown = found[:_SHOWN] if is_cut else found
    show_table(result.columns, [[_in_full(value) for value in row] for row in shown])
    if is_cut and len(found) > _SHOWN:
        typer.echo(f"… these are the first {_SHOWN}; see --limit and --output", err=True)


def _ask(store: Store, text: str, dataset: str) -> QueryResult:
    from parquetry.errors import NotFoundError

    try:
        return store.sql(text)
    except NotFoundError:
        if " " in dataset and dataset not in store.datasets():
            raise typer.BadParameter(
                f"there is no dataset {dataset!r}; a whole query is given by --sql {dataset!r}"
            ) from None
        raise


def _in_full(value: object) -> object:
    """Return a float with all its digits: what is piped on from here is data."""
    return str(value) if isinstance(value, float) else value


def _select(dataset: str, where: str, limit: int | None) -> str:
    from parquetry.access.quoting import quote_identifier

    text = f"SELECT * FROM {quote_identifier(dataset)}"
    if where:
        text += f" WHERE {where}"
    return text if limit is None else f"{text} LIMIT {limit}"


def _write(result: QueryResult, output: Path) -> int:
    from polars.exceptions import PolarsError

    from parquetry.cli.writing import beside
    from parquetry.errors import RequestError

    frame = result.pl()
    try:
        with beside(output) as aside:
            getattr(frame, _WRITERS[output.suffix])(aside)
    except PolarsError as error:
        raise RequestError(
            f"These rows cannot be written as {output.suffix}: {error}. Nothing was written. Choose "
            ".parquet, or leave the column out."
        ) from error
    return frame.height
