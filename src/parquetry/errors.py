"""Everything that parquetry raises, grouped by what a handler would do about it.

```
ParquetryError
├── RequestError            (also ValueError)          fix the call
│   ├── SchemaMismatchError                            columns or types that do not fit
│   ├── UnknownColumnError                             "Did you mean …?"
│   ├── ParameterError                                 a value that is not accepted
│   ├── LayoutError                                    folders that cannot be understood
│   ├── KeyViolationError                              null or duplicate keys
│   └── SeriesIndexError        (also KeyError)        a step or scenario that a series lacks
├── NotFoundError           (also FileNotFoundError)
├── AlreadyExistsError      (also FileExistsError)
├── ConflictError                                      someone changed the dataset first: retry
├── StorageError            (also OSError)             disk full, permission: mend the environment
├── CorruptionError                                    bytes contradict themselves or the log
├── FormatVersionError                                 written by a newer parquetry
├── ExecutorError                                      a task failed; carries the task and the cause
└── MissingDependencyError  (also ImportError)         says what to install
```

A message is a small letter: what was tried and where, what was expected and found, what happened
to the data, what to do next. What happened to the data is also said to programs: `outcome` is
`"unchanged"`, `"changed"` or `"unknown"`.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Outcome = Literal["unchanged", "changed", "unknown"]


class ParquetryError(Exception):
    """The root of the tree: catch it to catch everything that parquetry raises on purpose.

    Args:
        message: The whole letter to the user.
        outcome: What happened to the data.
        path: The file or folder that the error is about, if there is one.
    """

    def __init__(
        self, message: str = "", *, outcome: Outcome = "unchanged", path: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.outcome: Outcome = outcome
        self.path = path

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive pickling, whatever keywords a subclass has added."""
        state = {**self.__dict__, "path": self.path}  # an ImportError has a path slot of its own
        return (_rebuild, (type(self), self.message, state))


def _rebuild(kind: type[ParquetryError], message: str, state: dict[str, Any]) -> ParquetryError:
    error = kind(message)
    for name, value in state.items():
        setattr(error, name, value)
    return error


class RequestError(ParquetryError, ValueError):
    """The call cannot be carried out as it was made; nothing was changed."""


class SchemaMismatchError(RequestError):
    """Columns or types do not fit the dataset, or each other."""


class UnknownColumnError(RequestError):
    """A column was named that the data does not have.

    `column` is its name and `known` are the columns that there are, where the error could tell.
    """

    column: str | None = None
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, known: Iterable[str], where: str) -> UnknownColumnError:
        """Return the error for `name`, with the nearest of the `known` columns as a hint."""
        columns = tuple(known)
        error = cls(
            f"There is no column {name!r} in {where}.{did_you_mean(name, columns)} "
            f"Its columns are: {', '.join(columns) or '(none)'}. Nothing was changed."
        )
        error.column, error.known = name, columns
        return error


class ParameterError(RequestError):
    """A parameter or a parameter set has a value that is not accepted."""


class LayoutError(RequestError):
    """The folders of a dataset are ambiguous, or a partition value cannot name a folder."""


class KeyViolationError(RequestError):
    """A key is null, NaN or not unique."""


class SeriesIndexError(RequestError, KeyError):
    """A time step or a scenario was left out that a series needs, or asked for that it lacks."""


class NotFoundError(ParquetryError, FileNotFoundError):
    """A store, dataset, version or file does not exist."""


class AlreadyExistsError(ParquetryError, FileExistsError):
    """Something stands where something new was to be made."""


class ConflictError(ParquetryError):
    """Somebody else changed the same files first. Nothing was changed; a retry is safe."""


class StorageError(ParquetryError, OSError):
    """The disk refused: full, read-only, no permission, gone.

    Args:
        message: The whole letter to the user.
        outcome: What happened to the data.
        path: The file or folder that the error is about.
        errno: The operating system's number, where it gave one.
    """

    def __init__(
        self,
        message: str = "",
        *,
        outcome: Outcome = "unchanged",
        path: str | None = None,
        errno: int | None = None,
    ) -> None:
        super().__init__(message, outcome=outcome, path=path)
        self.errno = errno


class CorruptionError(ParquetryError):
    """Bytes contradict themselves or the log. Stop, and run `check`."""


class FormatVersionError(ParquetryError):
    """The state was written by a newer parquetry than this one."""


class ExecutorError(ParquetryError):
    """A task of many failed.

    Args:
        message: The whole letter to the user.
        outcome: What happened to the data.
        path: The file or folder that the error is about.
        task: What the task was, in words.
    """

    def __init__(
        self,
        message: str = "",
        *,
        outcome: Outcome = "unchanged",
        path: str | None = None,
        task: str | None = None,
    ) -> None:
        super().__init__(message, outcome=outcome, path=path)
        self.task = task


class MissingDependencyError(ParquetryError, ImportError):
    """An optional engine is not installed."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        """Return the error that says what to install, and for what."""
        return cls(f"{purpose} needs {package}. Install it: pip install 'parquetry[{extra}]'")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean …?` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
