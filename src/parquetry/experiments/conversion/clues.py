"""What is known about a CSV before it is opened, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("params", "config", "hyperparams", "other", "args")
"""Kinds of parameter files, the most telling first: what a run was given on the command line
(`args`) is overruled by what came of it (`config`), and both by what calls itself its parameters."""

OWN, FILE_NAME, BESIDE, BELOW, FOLDER_NAME = 0, 1, 2, 3, 4
_STEP = 3


def nearness(place: int, steps_up: int = 0) -> int:
    """Return how near a source is to its CSV, the nearest first.

    A file of the CSV's own name comes first, then the CSV's name, the files beside it, the files in
    folders below it and the name of its folder; then the same of the folder above, and so on.

    Args:
        place: `OWN`, `FILE_NAME`, `BESIDE`, `BELOW` or `FOLDER_NAME`.
        steps_up: How many folders above the CSV's own.
    """
    return place + _STEP * steps_up


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """A parameter file that speaks for a CSV.

    Args:
        path: Its path below the root.
        near: How near it is to the CSV; see `nearness`.
        kind: The index of its kind in `KINDS`.
        values: What it holds.
    """

    path: str
    near: int
    kind: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clues:
    """All that the place and the name of a CSV can tell.

    Args:
        folders: The names of the folders from the root to the CSV.
        stem: The CSV's name without `.csv`.
        described: How many of the folders, from the root on, a parameter file speaks for: it says
            what is below it, so that names of folders above it need not be guessed at.
        files: The parameter files, the nearest first.
    """

    folders: tuple[str, ...]
    stem: str
    described: int = 0
    files: tuple[ParameterFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that one rule read somewhere.

    Args:
        key: The parameter; empty where a folder's name was understood and gives none.
        value: Its value.
        source: The file or name where it was read.
        near: How near the source is, and the kind of a file: the smaller one wins.
        place: The index of the folder whose name was read, if it was one.
        rule: The name of the rule.
    """

    key: str
    value: Any
    source: str
    near: tuple[int, int]
    place: int | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Deduction:
    """What follows from the clues, and why.

    Args:
        params: The parameters, without the seed.
        seed: The seed.
        facts: What was taken, one a key.
        overruled: What was found beside it and says something else.
    """

    params: dict[str, Any]
    seed: int
    facts: tuple[Fact, ...]
    overruled: tuple[Fact, ...]
