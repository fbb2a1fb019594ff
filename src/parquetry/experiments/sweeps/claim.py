"""The right to run one unit, for as long as its worker lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.errors import ConflictError, NotFoundError, ParquetryError
from parquetry.experiments.sweeps.failures import describe_error, record_failure
from parquetry.experiments.sweeps.heartbeat import Heartbeat

if TYPE_CHECKING:
    from types import TracebackType

    from parquetry.experiments.sweeps.attempts import Attempts
    from parquetry.experiments.sweeps.places import Places
    from parquetry.experiments.sweeps.presence import Presence
    from parquetry.experiments.sweeps.unit import Unit
    from parquetry.storage.protocol import Storage

_NO_ROWS = (
    "The run ended without an error, but there are no rows of it in events/ or seeds/ of this store. "
    "Write them before the block ends; a run without events can write one row that says so."
)


class Claim:
    """The right to run one unit: `with claim as unit: …` runs it.

    In the block a thread touches the claim's file, so that others see a live worker. The block's end
    ends the claim: with rows in place the unit is done; after an exception, which goes on, or without
    rows it is failed; after an interrupt (Ctrl-C, `SystemExit`) it is missing again.

    **Guarantees:** one live worker at a time holds a unit. A worker that was suspended for longer than
    its lease may find its unit taken over: `is_lost` tells. What it writes then is what the other one
    writes.
    """

    def __init__(
        self,
        unit: Unit,
        number: int,
        content: dict[str, Any],
        *,
        is_wanted: bool,
        places: Places,
        storage: Storage,
        attempts: Attempts,
        presence: Presence,
    ) -> None:
        self.unit = unit
        self.worker: str = content["worker"]
        self.lease_seconds: float = content["lease_seconds"]
        self.attempt = number
        self.has_failed = False
        self._content, self._is_wanted = content, is_wanted
        self._places, self._storage = places, storage
        self._attempts, self._presence = attempts, presence
        path = attempts.path(unit.key, number, "claim")
        self._heartbeat = Heartbeat(path, storage, self.lease_seconds)

    def __repr__(self) -> str:
        return f"Claim({self.unit}, attempt {self.attempt}, by {self.worker})"

    @property
    def is_lost(self) -> bool:
        """Whether others hold the unit by now, or the claim has ended; one look at the disk."""
        return self._attempts.is_overtaken(self.unit.key, self.attempt)

    def __enter__(self) -> Unit:
        try:
            self._heartbeat.start()
            is_lost = self.is_lost
        except NotFoundError:
            is_lost = True
        if is_lost:
            self._heartbeat.stop()
            raise ConflictError(
                f"The claim of {self.unit} has ended, or was taken over after {self.lease_seconds:g} "
                "seconds without a sign of life. Nothing was run. Claim another unit."
            )
        return self.unit

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heartbeat.stop()
        if isinstance(error, Exception):
            self._fail_beside(error)
        elif error is not None:
            self.release()
        elif self._has_rows():
            self._end("released")
        else:
            self._fail({"error": _NO_ROWS, "traceback": []})

    def _has_rows(self) -> bool:
        # Rows may say otherwise than their parameters, and stand in other folders for it.
        return self._presence.has(self.unit) or self.unit.key in self._presence.find_all()

    def release(self) -> None:
        """Give the unit back as it was found, for others to claim."""
        self._heartbeat.stop()
        self._end("retried" if self._is_wanted else "released")

    def _end(self, state: Any) -> None:
        self._attempts.rename(self.unit.key, self.attempt, "claim", state)

    def _fail_beside(self, error: Exception) -> None:
        """Record the user's error; one of the disk's must not hide it."""
        try:
            self._fail(describe_error(error))
        except ParquetryError as trouble:
            error.add_note(f"The failure of {self.unit} could not be recorded: {trouble}")

    def _fail(self, content: dict[str, Any]) -> None:
        record_failure(
            self._places,
            self._storage,
            self._attempts,
            self.unit,
            self.attempt,
            {**self._content, **content},
        )
        self.has_failed = True
