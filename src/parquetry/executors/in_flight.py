"""Many tasks on any `concurrent.futures.Executor`, a bounded number of them at once."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parquetry.executors.forking import warn_of_forks
from parquetry.executors.worker_watch import PATIENCE_SECONDS, WorkerWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")
_PER_WORKER = 2  # one to work on, and one that is there when it is done


@dataclass(frozen=True, slots=True)
class Failure(Generic[Item]):
    """A task that failed.

    Args:
        item: What it was to do.
        error: What it raised.
        others: What was submitted and not finished; it was cancelled where it had not begun.
    """

    item: Item
    error: BaseException
    others: tuple[Item, ...] = ()


def run_in_flight(
    executor: Executor | None,
    task: Callable[[Item], Result],
    items: Iterable[Item],
    limit: int | None = None,
    patience_seconds: float | None = PATIENCE_SECONDS,
) -> Generator[tuple[Item, Result] | Failure[Item]]:
    """Yield each item with its result as they come in, and stop after the first failure.

    At most `limit` items are submitted and unfinished, so neither items nor results pile up. When a task
    fails, those that have not begun are cancelled, results that are there already are still given, and a
    `Failure` comes last. Closing the iterator cancels as well.

    Args:
        executor: Who does the work; None does it here, one by one.
        task: A module-level function.
        items: What to do, taken one by one.
        limit: Items in flight; twice the executor's workers if none is given.
        patience_seconds: How long a cluster may be without any worker, once it has had one, before that
            is a failure; None for ever.
    """
    if executor is None:
        yield from _run_here(task, items)
        return
    waiting = iter(items)
    running: dict[Future[Result], Item] = {}
    watch = WorkerWatch(executor, patience_seconds)
    warn_of_forks(executor)
    try:
        while True:
            bound = limit or _PER_WORKER * (watch.threads() or _workers(executor))
            more = islice(waiting, max(0, bound - len(running)))
            failure = _submit(executor, task, more, running)
            if failure is None and not running:
                return
            for outcome in [failure] if failure is not None else _outcomes(running, watch):
                if isinstance(outcome, Failure):
                    yield replace(outcome, others=tuple(running.values()))
                    return
                yield outcome
    finally:
        for future in running:
            future.cancel()


def _run_here(
    task: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result] | Failure[Item]]:
    for item in items:
        try:
            result = task(item)
        except Exception as error:  # noqa: BLE001 - handed on as a value, like an executor's
            yield Failure(item, error)
            return
        yield item, result


def _submit(
    executor: Executor,
    task: Callable[[Item], Result],
    items: Iterable[Item],
    running: dict[Future[Result], Item],
) -> Failure[Item] | None:
    for item in items:
        try:
            running[executor.submit(task, item)] = item
        except Exception as error:  # noqa: BLE001 - a pool that is broken or shut down says so here
            return Failure(item, error)
    return None


def _outcomes(
    running: dict[Future[Result], Item], watch: WorkerWatch
) -> list[tuple[Item, Result] | Failure[Item]]:
    """Wait, and return what came of the tasks that are done: results as submitted, then a failure."""
    done: set[Future[Result]] = set()
    while not done:
        done, _ = wait(running, watch.interval_seconds, FIRST_COMPLETED)
        if not done and (lost := watch.loss()) is not None:
            return [Failure(running.pop(next(iter(running))), lost)]
    finished = [(future, running.pop(future)) for future in list(running) if future in done]
    errors = [(item, _error_of(future)) for future, item in finished]
    failures = [Failure(item, error) for item, error in errors if error is not None]
    results = [(item, f.result()) for f, item in finished if _error_of(f) is None]
    return [*results, *failures[:1]]


def _error_of(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _workers(executor: Executor) -> int:
    known = getattr(executor, "_max_workers", None)
    return known if isinstance(known, int) and known > 0 else os.cpu_count() or 1
