"""Many tasks on any `concurrent.futures.Executor`, a bounded number of them at once."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
    others: tuple[Item, ...]


def run_in_flight(
    executor: Executor | None,
    task: Callable[[Item], Result],
    items: Iterable[Item],
    limit: int | None = None,
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
    """
    if executor is None:
        yield from _run_here(task, items)
        return
    waiting = iter(items)
    running: dict[Future[Result], Item] = {}
    bound = limit or _PER_WORKER * _workers(executor)
    try:
        while True:
            failure = _submit(executor, task, islice(waiting, bound - len(running)), running)
            if failure is None and not running:
                return
            done = _finished(running) if failure is None else []
            for future in done:
                item = running.pop(future)
                error = _error_of(future)
                if error is None:
                    yield item, future.result()
                elif failure is None:
                    failure = Failure(item, error, ())
            if failure is not None:
                yield Failure(failure.item, failure.error, tuple(running.values()))
                return
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
            yield Failure(item, error, ())
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
            return Failure(item, error, ())
    return None


def _finished(running: dict[Future[Result], Item]) -> list[Future[Result]]:
    """Return what is done in the order of submission, results before failures."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    in_order = [future for future in running if future in done]
    return sorted(in_order, key=lambda future: _error_of(future) is not None)


def _error_of(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _workers(executor: Executor) -> int:
    known = getattr(executor, "_max_workers", None)
    return known if isinstance(known, int) and known > 0 else os.cpu_count() or 1
