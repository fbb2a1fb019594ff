"""Connections to the two databases that can keep metadata: an SQLite file, or PostgreSQL by its URL."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.errors import MissingDependencyError, ParameterError
from parquetry.tuning.metadata.failures import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK_WAIT_SECONDS = 10.0
_WRITES = "parquetry_writes"


class Database:
    """A database that threads share and that survives `fork` and pickling.

    SQLite is opened in WAL mode, so that readers and one writer do not wait for each other; who cannot
    write within ten seconds is told that it is locked.

    Args:
        place: The path of an SQLite file, or a URL.
        lock_wait_seconds: How long to wait for somebody who writes.

    Raises:
        ParameterError: The URL cannot be used.
        MissingDependencyError: The driver of PostgreSQL is not installed.
    """

    def __init__(self, place: str, lock_wait_seconds: float = _LOCK_WAIT_SECONDS) -> None:
        self._url = _url_of(place)
        self._lock_wait_seconds = lock_wait_seconds
        self._guard = threading.Lock()
        self._engine: sa.Engine | None = None
        self._at_the_end: weakref.finalize[Any, Any] | None = None
        self._owner = os.getpid()
        self.place = _place_of(self._url)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the connections behind."""
        url = self._url.render_as_string(hide_password=False)
        return type(self), (url, self._lock_wait_seconds)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite."""
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        with translated(self.place), self._connected().connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection whose changes become true together when the block ends."""
        with translated(self.place), self._connected().connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let all connections go; the next use opens new ones."""
        with self._guard:
            self._let_go()

    def _connected(self) -> sa.Engine:
        """Return the engine of this process: connections must not be shared across a fork."""
        if self._owner != os.getpid():
            self._guard = threading.Lock()  # who held it at the fork is not here to let it go
            self._let_go()
            self._owner = os.getpid()
        with self._guard:
            if self._engine is None:
                self._engine = self._new_engine()
                self._at_the_end = weakref.finalize(self, _dispose, self._engine, self._owner)
            return self._engine

    def _let_go(self) -> None:
        if self._at_the_end is not None:
            self._at_the_end()
        self._engine = self._at_the_end = None

    def _new_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            try:
                return sa.create_engine(
                    self._url,
                    pool_pre_ping=True,
                    connect_args={"options": f"-c lock_timeout={self._lock_wait_seconds:.0f}s"},
                )
            except ImportError as error:
                purpose = "A metadata database in PostgreSQL"
                raise MissingDependencyError.of("psycopg", "postgres", purpose) from error
        engine = sa.create_engine(self._url, connect_args={"timeout": self._lock_wait_seconds})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine


def _dispose(engine: sa.Engine, owner: int) -> None:
    """Let an engine's connections go, and close them unless they are those of the process above."""
    engine.dispose(close=owner == os.getpid())


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin when we say so
    for setting in ("journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin a transaction; one that writes takes its turn at once, instead of failing half way."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _url_of(place: str) -> sa.URL:
    if "://" not in place:
        return sa.URL.create("sqlite", database=os.path.abspath(place))
    try:
        url = sa.engine.make_url(place)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ParameterError(
            "The URL of the metadata database cannot be read. Nothing was opened. Write "
            " postgresql+psycopg://user:password@host/database, or the path of a file."
        ) from error
    if url.drivername in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"postgresql+psycopg", "sqlite"}:
        raise ParameterError(
            f"A metadata database of {url.drivername} is not supported. Nothing was opened. Use "
            "postgresql+psycopg://user:password@host/database, or the path of an SQLite file."
        )
    return url


def _place_of(url: sa.URL) -> str:
    is_file = url.get_backend_name() == "sqlite"
    return str(url.database) if is_file else url.render_as_string(hide_password=True)
