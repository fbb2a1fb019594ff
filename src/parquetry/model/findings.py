"""What a check of a dataset finds: data, for faces to render."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
Guarantee = Literal["exchange", "renames", "unknown"]
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    r"""One thing that a check has to say.

    Args:
        severity: `"error"`: rows are lost, wrong or unreadable for somebody; `"warning"`: some tool may
            be misled; `"note"`: good to know.
        kind: What it is, in a word that stays the same: `"truncated"`, `"mixed-keys"`, …
        path: What it is about, relative to the dataset; absolute where it stands beside it. Bytes that
            are no text are written `\xNN`.
        message: What was found, in a sentence.
        advice: What to do about it.
    """

    severity: Severity
    kind: str
    path: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check looked at and found.

    Args:
        root: The dataset's folder.
        version: The last version in its log, 0 without one.
        files: How many data files there are.
        bytes: Their size.
        rows: How many rows the readable ones hold.
        deep: Whether every page was decoded and its checksum compared.
        guarantee: How a commit of several files becomes visible here: `"exchange"`, all at once to
            every reader; `"renames"`, file by file to readers of other tools; `"unknown"` where this
            user may not write.
        findings: What was found, the worst first.
    """

    root: str
    version: int
    files: int
    bytes: int
    rows: int
    deep: bool
    guarantee: Guarantee
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no finding is an error."""
        return not self.of("error")

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]


def sorted_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of a report: the worst first, then by kind and path."""
    return tuple(sorted(findings, key=lambda f: (_ORDER.index(f.severity), f.kind, f.path)))


def printable(path: str) -> str:
    r"""Return a path as text that can be written anywhere; bytes that are no UTF-8 become `\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
