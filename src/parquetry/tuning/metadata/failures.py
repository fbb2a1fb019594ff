"""What SQLAlchemy and the databases complain about, said in our terms."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from parquetry.errors import ConflictError, CorruptionError, ParquetryError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCKED = ("database is locked", "database table is locked", "lock timeout", "deadlock detected")
_BROKEN = ("file is not a database", "malformed", "unsupported file format")
_FULL = ("disk is full", "database or disk is full", "No space left")


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise errors of the database as ours.

    Args:
        place: What messages call the database, without a password.

    Raises:
        ConflictError: Somebody else holds the database; a retry is safe.
        CorruptionError: It is no database, or a broken one.
        StorageError: It cannot be reached or written.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _ours(error, place) from error
    except sa.exc.SQLAlchemyError as error:
        raise StorageError(
            f"The metadata database {place} could not be used: {error}. Nothing was changed in it, and "
            "no dataset was touched.",
            path=place,
        ) from error


def _ours(error: sa.exc.DBAPIError, place: str) -> ParquetryError:
    reason = (
        str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    )
    where = f"The metadata database {place}"
    if isinstance(error, sa.exc.IntegrityError):
        return ConflictError(
            f"{where} already has what was to be added ({reason}). Nothing was changed in it.",
            path=place,
        )
    if any(sign in reason for sign in _LOCKED):
        return ConflictError(
            f"{where} is locked by somebody else ({reason}). Nothing was changed in it, and no dataset "
            "was touched. Try again; if it stays locked, look for a program that has the file open.",
            path=place,
        )
    if any(sign in reason for sign in _BROKEN):
        return CorruptionError(
            f"{where} is no database, or a broken one ({reason}). The datasets are not touched by this: "
            "it only remembers what was asked. Name another file, or move this one away.",
            path=place,
        )
    if any(sign in reason for sign in _FULL):
        advice = "The disk is full: make room and try again."
    elif "readonly" in reason or "read-only" in reason or "permission" in reason.lower():
        advice = "It may only be read here: give write permission on the file and its folder."
    elif "database" in reason and "does not exist" in reason:
        advice = "Make the database first, with createdb, or name one that is there."
    elif "unable to open" in reason:
        advice = "Its folder must exist and be writable: make it, or name another place."
    else:
        advice = "Check that the database runs and can be reached, and try again."
    return StorageError(
        f"{where} could not be used: {reason}. Nothing was changed in it, and no dataset was touched. "
        f"{advice}",
        path=place,
    )
