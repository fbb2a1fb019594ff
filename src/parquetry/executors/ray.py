"""Ray as a `concurrent.futures.Executor`."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor, Future
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from parquetry.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class RayExecutor(Executor):
    """Runs functions as Ray tasks.

    Use it where an executor is asked for. If Ray is not running it is started, and stopped again by
    `shutdown`; a Ray that runs already is used and left alone.

    Args:
        address: The cluster; None for a local Ray of this machine's processors.
        **options: What each task needs, as for `ray.remote`: `num_cpus`, `resources`, `max_retries`, …

    Raises:
        MissingDependencyError: Ray is not installed.
    """

    def __init__(self, address: str | None = None, **options: Any) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError as error:
            raise MissingDependencyError.of("Ray", "ray", "Running on a Ray cluster") from error
        self._ray = ray
        self._owns_ray = not ray.is_initialized()
        if self._owns_ray:
            ray.init(address=address, include_dashboard=False, log_to_driver=False)
        self._max_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._call: Any = ray.remote(_call).options(**options) if options else ray.remote(_call)
        self._pending: set[Future[Any]] = set()
        self._is_shut = False

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Return the future of a call on the cluster.

        What the function raises is raised by the future as it was. A worker that dies is a
        `BrokenExecutor`. Cancelling stops a task that has not begun.
        """
        if self._is_shut:
            raise RuntimeError("This executor was shut down; make a new one.")
        reference = self._call.remote(fn, args, kwargs)
        future: Future[Result] = Future()
        self._pending.add(future)
        future.add_done_callback(lambda done: self._settle(done, reference))
        reference.future().add_done_callback(lambda done: _pass_on(done, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; wait for what runs, or cancel it; stop Ray if it was started here."""
        self._is_shut = True
        pending = list(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            for future in pending:
                if not future.cancelled():
                    future.exception()
        if self._owns_ray and self._ray.is_initialized():
            self._ray.shutdown()

    def _settle(self, future: Future[Any], reference: Any) -> None:
        self._pending.discard(future)
        if future.cancelled():
            self._ray.cancel(reference)


def _call(fn: Callable[..., Result], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Result:
    return fn(*args, **kwargs)


def _pass_on(done: Future[Any], future: Future[Any]) -> None:
    """Give Ray's answer to the future that the caller holds."""
    if not future.set_running_or_notify_cancel():
        return
    error = done.exception()
    if error is None:
        future.set_result(done.result())
    else:
        future.set_exception(_unwrapped(error))


def _unwrapped(error: BaseException) -> BaseException:
    """Return what the task raised, or that its worker died."""
    if isinstance(error, import_module("ray.exceptions").RayTaskError):
        cause = getattr(error, "cause", None)
        return cause if isinstance(cause, BaseException) else error
    reason = (str(error).splitlines() or [""])[0]
    broken = BrokenExecutor(f"Ray lost the task: {type(error).__name__}: {reason}")
    broken.__cause__ = error
    return broken
