"""A dataset as a lazy frame that looks at the folder when it is collected."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from parquetry.access.engine_errors import is_gone, translate_polars
from parquetry.access.holding import held_listing
from parquetry.access.observing import DatasetRead, Observation, QueryStats, Question
from parquetry.access.polars_conditions import find_demands
from parquetry.access.polars_frames import frame_schema, frames_of
from parquetry.access.rerouting import Detour, find_detour
from parquetry.errors import ConflictError, ParquetryError, SchemaMismatchError, StorageError
from parquetry.model.layouts import INITIAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.access.conditions import Demand
    from parquetry.access.listing import Listing
    from parquetry.access.observing import Observer, Router
    from parquetry.access.source import Source

_ATTEMPTS = 5  # of finding all files while others keep replacing them
_UNHELD_ATTEMPTS = 2  # after which the files are held, so that nobody can take them away
_BATCH_ROWS = 100_000


def scan(
    source: Source, *, observer: Observer | None = None, router: Router | None = None
) -> pl.LazyFrame:
    """Return a dataset as a lazy frame.

    **Guarantees:** every collect reads the dataset as it is then: all columns, a missing one as NULL,
    types united without loss, keys with their types. Which partitions are looked at never changes
    the answer. Rows come in no promised order.

    **Cost:** only folders that a filter on partition keys admits are listed; then Polars streams the
    files in batches. Measured against `scan_parquet` over the same list of files, it takes the same
    time, except that rows which are filtered and then only counted are handed over as well: about
    20 ns a row that the filter keeps.

    Args:
        source: The dataset.
        observer: Is told of every collect when it is done.
        router: Is asked for other files at every collect.

    Raises:
        NotFoundError: The dataset does not exist.
        LayoutError: Its folders are ambiguous.
        CorruptionError: A file cannot be read. This and the following are met when collecting, too.
        ConflictError: A commit retired files while they were read; run it again, or pin the dataset.
    """
    reader = _Reader(source, observer, router)
    return register_io_source(
        reader, schema=reader.schema, is_pure=True, explain_name=f"dataset {source.home.name}"
    )


class _Reader:
    """The side of a lazy frame that Polars calls when it collects."""

    def __init__(self, source: Source, observer: Observer | None, router: Router | None) -> None:
        self._source = source
        self._observer = observer
        self._router = router
        self._outline: Listing | None = None
        self._promised = frame_schema(source.outline())

    def schema(self) -> pl.Schema:
        """Return the columns; Polars asks for them at the start of every collect."""
        try:
            self._outline = self._source.outline()
            self._promised = frame_schema(self._outline)
        except ParquetryError:  # Polars would wrap it; what is wrong will show again when it reads
            self._outline = None
        return self._promised

    def __call__(
        self,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        start = time.perf_counter()
        demands = find_demands(predicate)
        rows = 0
        with ExitStack() as holds:
            listing, detour = self._find(demands, predicate, with_columns)
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    lazy = self._query(listing, with_columns, predicate, n_rows)
                    for batch in _batches(lazy, batch_size, len(listing.distinct_schemas)):
                        rows += batch.height
                        yield batch
                    break
                except StorageError:
                    raise
                except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
                    if detour is not None:
                        detour.give_up()
                    can_retry = is_gone(error) or detour is not None
                    if not can_retry or attempt == _ATTEMPTS:
                        root = self._source.home.root
                        raise translate_polars(error, listing.files, root) from error
                    if rows:
                        raise _overtaken(self._source) from error
                hold = holds if attempt >= _UNHELD_ATTEMPTS else None
                listing, detour = self._list(demands, None, hold), None
        seconds = time.perf_counter() - start
        if self._observer is not None:
            read = self._read(listing, demands, detour, with_columns)
            stats = QueryStats(seconds, rows, read.files, read.files_total)
            text = _text_of(predicate)
            self._observer.observed(Observation("polars", text, (read,), stats))

    def _find(
        self, demands: list[Demand], predicate: pl.Expr | None, columns: list[str] | None
    ) -> tuple[Listing, Detour | None]:
        """Return what to read at first, with the detour by which it is read, if it is."""
        if self._router is not None:
            question = Question(
                source=self._source,
                text=_text_of(predicate),
                demands=(tuple(demands),),
                language="polars",
                tables=(self._source.home.name,),
                columns=None if columns is None else tuple(columns),
            )
            found = find_detour(self._router, question)
            if found is not None and self._keeps_promise(found[1]):
                return found[1], found[0]
        return self._list(demands, self._outline, None), None

    def _query(
        self,
        listing: Listing,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
    ) -> pl.LazyFrame:
        lazy = pl.concat(frames_of(listing, self._promised))
        lazy = lazy if predicate is None else lazy.filter(predicate)
        lazy = lazy if with_columns is None else lazy.select(with_columns)
        return lazy if n_rows is None else lazy.head(n_rows)

    def _list(
        self,
        demands: list[Demand],
        outline: Listing | None,
        holds: ExitStack | None,
    ) -> Listing:
        """Return what to read; the outline of this collect, if it shows all files that are needed."""
        if outline is not None and outline.is_whole and not demands:
            return outline
        references = [demands] if demands else None
        if holds is None:
            listing = self._source.listing(references)
        else:
            listing = holds.enter_context(held_listing(self._source, references))
        self._check_promise(listing)
        return listing

    def _keeps_promise(self, listing: Listing) -> bool:
        """Return whether files of a route are read in the types that the frame promises."""
        if self._outline is None:
            return False
        promised = {one.name: one.type for one in self._outline.columns}
        return all(promised.get(one.name, one.type) == one.type for one in listing.columns)

    def _check_promise(self, listing: Listing) -> None:
        found = frame_schema(listing)
        changed = [name for name, kind in self._promised.items() if found.get(name, kind) != kind]
        if changed:
            name = changed[0]
            raise SchemaMismatchError(
                f"The column {name!r} of {self._source.home.root} was taken for {self._promised[name]}, "
                f"and files that came to it make it {found[name]}. Nothing was changed. Collect again.",
                path=self._source.home.root,
            )

    def _read(
        self,
        listing: Listing,
        demands: list[Demand],
        detour: Detour | None,
        columns: list[str] | None,
    ) -> DatasetRead:
        return DatasetRead(
            name=self._source.home.name,
            files=len(listing.files),
            files_total=len(listing.files) if listing.is_whole else None,
            demands=(tuple(demands),),
            layout=detour.route.layout if detour else INITIAL,
            is_exploration=detour.route.is_exploration if detour else False,
            reason=detour.route.reason if detour else "",
            predicted_seconds=detour.route.predicted_seconds if detour else None,
            columns=None if columns is None else tuple(columns),
        )


def _text_of(predicate: pl.Expr | None) -> str:
    return "" if predicate is None else str(predicate)


def _batches(lazy: pl.LazyFrame, batch_size: int | None, scans: int) -> Iterator[pl.DataFrame]:
    yield from lazy.collect_batches(
        chunk_size=batch_size or _BATCH_ROWS,
        maintain_order=scans <= 1,  # an order between scans makes Polars wait a lot
        engine="streaming",
    )


def _overtaken(source: Source) -> ConflictError:
    return ConflictError(
        f"A commit retired files of {source.home.root} while they were read, after a part of the rows "
        "had been handed over. Nothing was changed; collect again, or pin the dataset for long reads.",
        path=source.home.root,
    )
