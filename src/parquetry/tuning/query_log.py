"""Logging of questions: noted in the caller's thread, understood and written in another one."""

from __future__ import annotations

import atexit
import datetime as dt
import itertools
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParquetryError
from parquetry.model.layouts import INITIAL
from parquetry.tuning.questions.asked import Asked
from parquetry.tuning.questions.clustering import Classifier
from parquetry.tuning.records import LoggedQuery, LoggedScan, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.access.observing import DatasetRead, Observation
    from parquetry.tuning.metadata.store import MetadataStore

_LOG = logging.getLogger("parquetry.tuning")
_KEPT_BUFFERS = 40  # of questions that cannot be written; older ones are forgotten
_EXPLAIN = re.compile(r"\s*explain\b", re.IGNORECASE)


class QueryLogger:
    """An observer that writes each question to the metadata database.

    **Guarantees:** a question never fails or waits because of the log. What cannot be written is tried
    again with what comes later, and said once to the logger `parquetry.tuning`; a crash loses at most
    what is in the buffer. Threads may share one, and a fork begins with an empty buffer.

    **Cost:** about 2 µs in the caller's thread; a thread of its own takes about 0.2 ms a question.

    Args:
        metadata: Where to, or what opens it; that is done when the first question is written.
        classifier: What tells the kind of a question.
        learner: Is told of the questions that were written, in the thread that writes them.
        told: Is told of each question when it is observed, in the caller's thread.
        buffer_rows: Questions that are kept in memory before they are written together.
        buffer_seconds: Seconds after which they are written even if they are fewer.

    `failure` is why questions cannot be written at present, None if they can.
    """

    def __init__(
        self,
        metadata: MetadataStore | Callable[[], MetadataStore],
        *,
        classifier: Classifier | None = None,
        learner: Callable[[Sequence[LoggedQuery]], None] | None = None,
        told: Callable[[Observation], None] | None = None,
        buffer_rows: int = 256,
        buffer_seconds: float = 5.0,
    ) -> None:
        self._open = metadata if callable(metadata) else lambda: metadata
        self._classifier = classifier or Classifier()
        self._learner = learner or (lambda _: None)
        self._told = told or (lambda _: None)
        self._buffer_rows = buffer_rows
        self._buffer_seconds = buffer_seconds
        self._own_layouts: dict[str, str] = {}
        self._known: set[str] = set()  # kinds that are in the database
        self._has_misunderstood = False
        self.failure: ParquetryError | None = None
        self._begin()

    def _begin(self) -> None:
        """Start anew, with nothing in the buffer: what a fork has copied is the parent's to write."""
        self._owner = os.getpid()
        self._buffer: list[tuple[float, Observation]] = []
        self._writing = threading.Lock()
        self._is_due = threading.Event()
        self._thread: threading.Thread | None = None

    def observed(self, observation: Observation) -> None:
        """Take note of a question that has read a dataset; EXPLAIN reads none."""
        if not observation.datasets or _EXPLAIN.match(observation.text):
            return
        if self._owner != os.getpid():
            self._begin()
        self._buffer.append((time.time(), observation))
        self._told(observation)
        _pending.add(self)
        if self._thread is None:
            self._start()
        if len(self._buffer) >= self._buffer_rows:
            self._is_due.set()

    def prepare(self) -> None:
        """Open the database now, so that what it knows holds from the first question on.

        Raises:
            ParquetryError: It cannot be read.
        """
        for record in self._metadata.layouts():
            if record.role == "active" and record.state == "ready":
                self._own_layouts[record.table] = record.layout_id

    def flush(self) -> None:
        """Write what is in the buffer.

        Raises:
            ParquetryError: The database cannot be written. The questions stay in the buffer.
        """
        if self._owner != os.getpid():
            self._begin()
        with self._writing:
            count = len(self._buffer)
            if not count:
                return
            noted = self._buffer[:count]
            try:
                self._write(noted)
            except ParquetryError as error:
                self._report(error)
                del self._buffer[: max(0, count - _KEPT_BUFFERS * self._buffer_rows)]
                raise
            del self._buffer[:count]
            self.failure = None
            _pending.discard(self)
            if self._buffer:  # a question has come in between
                _pending.add(self)

    @cached_property
    def _metadata(self) -> MetadataStore:
        return self._open()

    def own_layout(self, table: str) -> str:
        """Return what a dataset's own files are called, as it was when the log was last written."""
        return self._own_layouts.get(table, INITIAL)

    def _find_own_layouts(self, noted: Sequence[tuple[float, Observation]]) -> None:
        for table in {read.name for _, one in noted for read in one.datasets}:
            record = self._metadata.active_layout(table)
            self._own_layouts[table] = record.layout_id if record is not None else INITIAL

    def _write(self, noted: Sequence[tuple[float, Observation]]) -> None:
        self._find_own_layouts(noted)
        new: dict[str, Shape] = {}
        queries = []
        for at, observation in noted:
            shape = self._understand(observation)
            if shape.cluster_id not in self._known:
                new.setdefault(shape.cluster_id, shape)
            queries.append(_logged(at, observation, shape, self._own_layouts))
        self._metadata.log_queries(queries, new.values())
        self._known.update(new)
        self._learner(queries)

    def _understand(self, observation: Observation) -> Shape:
        try:
            return self._classifier.classify(Asked.after(observation))
        except Exception:  # noqa: BLE001  somebody else's extractor or clusterer
            if not self._has_misunderstood:
                _LOG.exception("This question could not be understood: %s", observation.text)
            self._has_misunderstood = True
            tables = tuple(sorted({read.name for read in observation.datasets}))
            text = observation.text
            return Shape("not_understood", tables, template=text, example=text)

    def _report(self, error: ParquetryError) -> None:
        if self.failure is None:
            _LOG.warning("Questions are not logged at present: %s", error)
        self.failure = error

    def _start(self) -> None:
        with self._writing:
            if self._thread is None:
                alive = weakref.ref(self)
                arguments = (alive, self._is_due, self._buffer_seconds)
                self._thread = threading.Thread(
                    target=_keep_writing, args=arguments, name="parquetry-query-log", daemon=True
                )
                self._thread.start()


def _keep_writing(alive: weakref.ref[QueryLogger], is_due: threading.Event, seconds: float) -> None:
    """Write whenever it is due, as long as somebody has the logger."""
    while True:
        is_due.wait(seconds)
        is_due.clear()
        logger = alive()
        if logger is None:
            return
        _flush_quietly(logger)
        del logger


def _flush_quietly(logger: QueryLogger) -> None:
    with suppress(ParquetryError):  # it has been reported
        logger.flush()


_pending: set[QueryLogger] = set()  # those with questions that are not written yet live on here


@atexit.register
def _flush_all() -> None:
    for logger in list(_pending):
        _flush_quietly(logger)


_NUMBERS = itertools.count()
_PROCESS = os.urandom(4).hex()


def _logged(
    at: float, observation: Observation, shape: Shape, own_layouts: Mapping[str, str]
) -> LoggedQuery:
    stats = observation.stats
    return LoggedQuery(
        query_id=f"{int(at * 1e6):016x}-{os.getpid():x}{_PROCESS}-{next(_NUMBERS):x}",
        at=dt.datetime.fromtimestamp(at, dt.UTC),
        language=observation.language,
        text=observation.text,
        cluster_id=shape.cluster_id,
        latency_ms=stats.latency_seconds * 1_000,
        rows_returned=stats.rows,
        scans=tuple(_scan(read, observation, shape, own_layouts) for read in observation.datasets),
        files=stats.files,
        row_groups_read=stats.row_groups_read,
        row_groups_total=stats.row_groups_total,
        bytes_read=stats.bytes_read,
        parameters=_parameters(observation),
        is_replayable=observation.language == "sql",
    )


def _parameters(observation: Observation) -> tuple[Any, ...] | Mapping[str, Any] | None:
    values = observation.parameters
    if values is None or isinstance(values, Mapping):
        return values
    return tuple(values)


def _scan(
    read: DatasetRead, observation: Observation, shape: Shape, own_layouts: Mapping[str, str]
) -> LoggedScan:
    is_own = read.layout == INITIAL
    return LoggedScan(
        table=read.name,
        layout=own_layouts[read.name] if is_own else read.layout,
        demands=read.demands,
        columns=read.columns or shape.columns_of(read.name),
        files=read.files,
        row_groups_read=read.row_groups_read,
        row_groups_total=read.row_groups_total,
        rows=observation.stats.rows if observation.language == "polars" else read.rows,
        is_exploration=read.is_exploration,
        reason=read.reason,
        predicted_seconds=read.predicted_seconds,
    )
