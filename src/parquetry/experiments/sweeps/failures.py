"""Units that ended in an error."""

from __future__ import annotations

import json
import traceback
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.commits.log import now
from parquetry.storage.folders import make_folders, write_file

if TYPE_CHECKING:
    from parquetry.experiments.sweeps.attempts import Attempts
    from parquetry.experiments.sweeps.places import Places
    from parquetry.experiments.sweeps.unit import Unit
    from parquetry.storage.protocol import Storage

_LAST_LINES = 30
_LINE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a unit failed.

    Args:
        unit: The unit.
        error: The exception, one line.
        traceback: The last lines of its traceback.
        worker: Who ran it.
        claimed: When its attempt began, UTC, ISO 8601.
        ended: When it failed.
        attempt: The how many-eth attempt it was.
    """

    unit: Unit
    error: str
    traceback: tuple[str, ...] = ()
    worker: str = ""
    claimed: str = ""
    ended: str = ""
    attempt: int = 1

    def __str__(self) -> str:
        return f"{self.unit}: {self.error}"


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return what is kept of an exception."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    last = "".join(traceback.format_exception_only(error)).splitlines() or [type(error).__name__]
    kept = [line[:_LINE_LENGTH] for line in lines[-_LAST_LINES:]]
    return {"error": last[0][:_LINE_LENGTH], "traceback": kept}


def record_failure(
    places: Places,
    storage: Storage,
    attempts: Attempts,
    unit: Unit,
    number: int,
    content: dict[str, Any],
) -> None:
    """End an attempt as failed; the record is there whole, and before the claim goes."""
    make_folders(storage, places.drafts)
    draft = f"{places.drafts}/{uuid.uuid4().hex}"
    write_file(storage, draft, json.dumps({**content, "ended": now()}, indent=1).encode())
    storage.sync(draft)
    storage.rename(draft, attempts.path(unit.key, number, "failed"))
    storage.unlink(attempts.path(unit.key, number, "claim"))


def read_failure(attempts: Attempts, unit: Unit, number: int) -> Failure:
    """Return why an attempt failed."""
    content = attempts.read(unit.key, number, "failed")
    return Failure(
        unit,
        str(content.get("error", "its record cannot be read")),
        tuple(map(str, content.get("traceback", ()))),
        str(content.get("worker", "")),
        str(content.get("claimed", "")),
        str(content.get("ended", "")),
        number,
    )
