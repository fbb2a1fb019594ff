"""What every work item needs, sent once rather than with each of them."""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.storage.folders import write_file
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.series.database import DataBase
    from parquetry.series.work import Solve

_SMALL_BYTES = 256 * 1024  # travels with each work item; more goes through a file
_KEPT = 2  # studies that a worker keeps open


@dataclass(frozen=True, slots=True)
class Load:
    """The solver and the data.

    Args:
        solve: The user's function.
        database: The data, as the strategy has prepared it.
        cache_bytes: The budget of decoded values in a worker; None leaves it as it is.
    """

    solve: Solve
    database: DataBase
    cache_bytes: int | None


@dataclass(frozen=True, slots=True)
class Cargo:
    """A reference to the load that travels with a work item, and is opened once in each process.

    Args:
        digest: Of the packed load.
        packed: The packed load, if it is small.
        path: The file that holds it, if it is not.
    """

    digest: str
    packed: bytes | None = field(repr=False)
    path: str | None
    here: Load | None = field(default=None, repr=False)

    def open(self) -> Load:
        """Return the load; a process unpacks it once."""
        if self.here is not None:
            return self.here
        if self.digest not in _opened:
            _opened[self.digest] = pickle.loads(self._bytes())  # noqa: S301 - our own, from our own process
            while len(_opened) > _KEPT:
                _opened.popitem(last=False)
        return _opened[self.digest]

    def _bytes(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return LocalStorage().read_bytes(str(self.path))


_opened: OrderedDict[str, Load] = OrderedDict()


def pack(load: Load, executor: Executor | None, new_path: Callable[[], str]) -> Cargo:
    """Return the cargo for an executor: the load itself where workers share our memory.

    Args:
        load: The solver and the data.
        executor: Who will open it.
        new_path: Where a large load may be written, so that workers can read it.

    Raises:
        ParameterError: It cannot be sent to another process.
    """
    if executor is None or isinstance(executor, ThreadPoolExecutor):
        return Cargo("", None, None, load)
    packed = _dump(load)
    digest = hashlib.blake2b(packed, digest_size=16).hexdigest()
    if len(packed) <= _SMALL_BYTES:
        return Cargo(digest, packed, None)
    path = new_path()
    write_file(LocalStorage(), path, packed)
    return Cargo(digest, None, path)


def _dump(load: Load) -> bytes:
    try:
        return _dumps()(load)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ParameterError(
            f"The solver or the data cannot be sent to another process: {error}. Nothing was solved. "
            "Let `solve` be a function at the top of a module, and keep locks and open files out of the "
            "data."
        ) from error


def _dumps() -> Callable[[Any], bytes]:
    """Return cloudpickle's function where Dask or Ray have brought it: scripts can send theirs then."""
    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:
        return pickle.dumps
    dumps: Callable[[Any], bytes] = cloudpickle.dumps
    return dumps
