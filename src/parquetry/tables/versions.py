"""Versions of a table, `name@MAJOR.MINOR`, and who can read what."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parquetry.errors import ParameterError

_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, order=True)
class Version:
    """MAJOR and MINOR: a reader of one MAJOR reads every file of that MAJOR."""

    major: int
    minor: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version of `2.1` or of `runs@2.1`.

        Raises:
            ParameterError: The text is no version.
        """
        found = _VERSION.fullmatch(text.rpartition("@")[2])
        if found is None:
            raise ParameterError(f"{text!r} is no version; write MAJOR.MINOR, for example 2.0.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    def reads(self, other: Version) -> bool:
        """Return whether a reader of this version reads a file of the other one as it is."""
        return self.major == other.major

    def next_minor(self) -> Version:
        """Return the version after a change that old readers survive."""
        return Version(self.major, self.minor + 1)

    def next_major(self) -> Version:
        """Return the version after a change that needs an upgrade function."""
        return Version(self.major + 1)
