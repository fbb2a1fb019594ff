"""Reading parameters and seeds out of the names of files and folders. Pure text, no disk."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

_NUMBER = r"[-+]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][-+]?\d+)?"
_INT = re.compile(r"[-+]?(?:0|[1-9]\d*)")
_FLOAT = re.compile(_NUMBER)
_BOOLS = {"true": True, "false": False}

_EQUALS = re.compile(
    r"(?:^|[,&;_ -]+)([A-Za-z][\w.]*?)=(.*?)(?=[,&;_ -]+[A-Za-z][\w.]*?=|$)", re.DOTALL
)
_KEY = r"[A-Za-z]+(?:_[A-Za-z]+)*"
_VALUE = rf"(?:{_NUMBER}|[Tt]rue|[Ff]alse)"
_PAIR = re.compile(rf"({_KEY})_({_VALUE})(?:[-_,]|$)")

_SEED = re.compile(r"(?:^|[^A-Za-z])seed[=_-]?(\d+)(?![\d.]*\.\d)", re.IGNORECASE)
_RUN = re.compile(r"(?:^|[^A-Za-z])(?:run|rep|repeat|replicate|trial)[=_-]?(\d+)$", re.IGNORECASE)
_RUN_FOLDER = re.compile(r"(?:run|rep|repeat|replicate|trial)[=_-]?\d+", re.IGNORECASE)
_MONITOR = re.compile(r"(\d+)\.monitor")
_END = re.compile(r"(?<![\d.])(\d+)$")
_VERSION = re.compile(r"(?:^|[._-])v\d+$", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d-?[01]\d-?[0-3]\d(?!\d)")
_ENVIRONMENT = re.compile(r"([A-Za-z][\w.-]*-v\d+)_(\d+)")


def typed_text(text: str) -> Any:
    """Return the number or the truth value that a text shows in full, else the text."""
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _BOOLS.get(text.lower(), text)


def equals_pairs(name: str) -> dict[str, Any]:
    """Return the pairs of `gamma=0.5` or `gamma=0.5,split=0.3`; nothing if it is no such name."""
    found = list(_EQUALS.finditer(name))
    if not found or found[0].start() != 0:
        return {}
    return {pair[1]: typed_text(unquote(pair[2])) for pair in found}


def underscore_pairs(name: str) -> dict[str, Any]:
    """Return the pairs of `gamma_0.5` or `gamma_0.5-split_0.3`; nothing unless all of it is pairs."""
    pairs: dict[str, Any] = {}
    at = 0
    while at < len(name):
        pair = _PAIR.match(name, at)
        if pair is None:
            return {}
        pairs[pair[1]] = typed_text(pair[2])
        at = pair.end()
    return pairs


def seed_word(name: str) -> int | None:
    """Return the number behind the word seed: `seed_3`, `seed=3`, `seed3`, `adam-seed-3`."""
    return _number(_SEED.search(name))


def run_word(name: str) -> int | None:
    """Return the number behind run, rep or trial at the end of a name: `run-3`."""
    return _number(_RUN.search(name))


def is_run_folder(name: str) -> bool:
    """Return whether a folder's name only counts runs: `run_3`, `trial-07`."""
    return _RUN_FOLDER.fullmatch(name) is not None


def monitor_number(stem: str) -> int | None:
    """Return the number of a monitor log: `3.monitor`."""
    return _number(_MONITOR.fullmatch(stem))


def end_number(stem: str) -> int | None:
    """Return the number at the end of a name, unless it is a date's, a version's or a fraction's."""
    if _DATE.search(stem) or _VERSION.search(stem):
        return None
    return _number(_END.search(stem))


def has_date(name: str) -> bool:
    """Return whether a name begins with a date: `2024-05-01_12-00-00`, `20240501-run`."""
    return _DATE.match(name) is not None


def environment_name(name: str) -> str | None:
    """Return the environment of a training run's folder: `CartPole-v1` of `CartPole-v1_1`."""
    found = _ENVIRONMENT.fullmatch(name)
    return None if found is None else found[1]


def _number(found: re.Match[str] | None) -> int | None:
    return None if found is None else int(found[1])
