"""Where a command starts and ends: errors become one paragraph and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptionError,
    ExecutorError,
    FormatVersionError,
    MissingDependencyError,
    NotFoundError,
    ParquetryError,
    RequestError,
    StorageError,
)

EXIT_CODES: dict[type[ParquetryError], int] = {
    RequestError: 2,
    NotFoundError: 3,
    AlreadyExistsError: 4,
    ConflictError: 5,
    StorageError: 6,
    CorruptionError: 7,
    FormatVersionError: 8,
    ExecutorError: 9,
    MissingDependencyError: 10,
}
_INTERRUPTED = 130  # what shells expect of a command that Ctrl+C ended


def dbopt(arguments: list[str] | None = None) -> int:
    """Run one command line as `dbopt`, which is the same program; its help shows what tunes."""
    return main(arguments, name="dbopt")


def main(arguments: list[str] | None = None, *, name: str = "parquetry") -> int:
    """Run one command line and return its exit code."""
    try:
        return _answer(arguments, name)
    except BrokenPipeError:
        # the reader has seen enough; Python would complain once more when it flushes at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as error:  # which Rich makes of a closed pipe when it prints help
        if isinstance(error.__context__, BrokenPipeError):
            return 0
        raise
    except OSError as error:  # of a path that a command looked at by itself
        told = (
            f"Could not use {error.filename}: {error.strerror}." if error.filename else str(error)
        )
        print(f"error: {told}", file=sys.stderr)  # noqa: T201
        return EXIT_CODES[StorageError]


def _answer(arguments: list[str] | None, name: str) -> int:
    import typer

    from parquetry.cli.application import application

    # Typer brings its own copy of click, and names only the ends of its tree of errors.
    usage_error: Any = next(
        kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
    )
    try:
        result = application(arguments, prog_name=name, standalone_mode=False)
    except ParquetryError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return exit_code(error)
    except usage_error as error:
        error.show()
        return int(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _stopped()
    except RuntimeError as error:
        from parquetry.access.engine_errors import is_interruption

        if not is_interruption(error):
            raise
        return _stopped()
    if result == _INTERRUPTED:  # what Typer makes of Ctrl+C
        return _stopped()
    return result if isinstance(result, int) else 0


def _stopped() -> int:
    print("stopped; what was finished stands.", file=sys.stderr)  # noqa: T201
    return _INTERRUPTED


def exit_code(error: ParquetryError) -> int:
    """Return the exit code of an error: its class's, or the nearest above it."""
    codes = (EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
    return next(codes, 1)
