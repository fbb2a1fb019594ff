"""How far a migration is, told to whoever asked for it; they may call it off, or refuse new files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.tuning.replicas.manifest import Piece


class CalledOffError(Exception):
    """The job was cancelled, or is another worker's now. What is finished stays for who goes on."""


class Watch(Protocol):
    """Is told how far a migration is, at every point where it can end."""

    def __call__(self, share: float) -> None:
        """Take note of the share that is done, 0 to 1.

        Raises:
            CalledOffError: The migration is to end here.
        """


class Accept(Protocol):
    """Is shown new files that are proved, before they come into use."""

    def __call__(self, folder: str, pieces: Sequence[Piece], /) -> None:
        """Let pieces whose files stand in a folder come into use.

        Raises:
            CorruptionError: They are not to.
        """


def accept_all(folder: str, pieces: Sequence[Piece]) -> None:
    """Let everything come into use that is proved."""
    del folder, pieces


class Steps:
    """The share that is done of something that consists of parts of known weights.

    Args:
        watch: Who is told.
        total: The sum of the weights.
    """

    def __init__(self, watch: Watch, total: float) -> None:
        self._watch = watch
        self._total = max(total, 1.0)
        self._done = 0.0

    def begun(self, weight: float) -> Callable[[float], None]:
        """Return who is to be told the share that is done of the next part."""
        before = self._done
        self._done += weight
        return lambda share: self._watch(min(1.0, (before + share * weight) / self._total))
