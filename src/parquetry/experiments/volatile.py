"""Which keys say where and when a run took place, and not what was run.

A key is left out of a parameter set's identity, on every level, if it is one of `VOLATILE_KEYS`,
if it is a SLURM id, or if one of its *words* is path, dir, folder or file. Words and not parts of
words: `dirichlet_alpha`, `direction`, `profile` and `n_profiles` are parameters.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from parquetry.errors import ParameterError
from parquetry.experiments.canonical import canonical_json
from parquetry.experiments.scalars import is_tag

GRID_ID = "grid_id"
VOLATILE_KEYS = frozenset(
    {
        "base_out", "out_dir", "output_dir", "results_dir", "figs_dir", "figs", "log_dir",
        "timestamp", "created", "started", "finished",
        "hostname", "host", "user", "pid",
        "seed", "seeds", "commit_results", "run_id", GRID_ID,
    }
)  # fmt: skip
VOLATILE_WORDS = frozenset({"path", "dir", "folder", "file"})
_SLURM_WORDS = frozenset({"id", "jobid", "stepid", "taskid", "nodeid", "procid", "localid", "pid"})

_TOKEN = re.compile(r"[^\W_]+")
_CAMEL_CASE = re.compile(
    r"(?<=[^\W\d_A-Z])(?=[A-Z])"  # outputDir
    r"|(?<=[A-Z])(?=[A-Z][a-z])"  # HDFPath
    r"|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"  # file2
)


def key_words(key: str) -> list[str]:
    """Return the words of a key in lower case: `ckptPath-v2` has `ckpt`, `path`, `v` and `2`.

    Words end at `_`, `-` and any other sign that is no letter or digit, at a change from lower to
    upper case, and between letters and digits.
    """
    return [
        word.lower() for token in _TOKEN.findall(key) for word in _CAMEL_CASE.split(token) if word
    ]


@lru_cache(maxsize=65536)
def is_volatile_key(key: str) -> bool:
    """Return whether the key is left out of identities unless a caller keeps it."""
    if key in VOLATILE_KEYS:
        return True
    words = key_words(key)
    if not VOLATILE_WORDS.isdisjoint(words):
        return True
    return len(words) > 1 and words[0] == "slurm" and words[-1] in _SLURM_WORDS


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a caller leaves out and keeps, beside what is left out anyway.

    An entry is a key, which then is meant on every level, or the dotted path of one
    (`optimizer.log_dir`); elements of lists take the path of their list.

    Args:
        volatile: Keys to leave out.
        keep: Keys to keep although they would be left out.
    """

    volatile: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()

    def leaves_out(self, key: str, prefix: str) -> bool:
        """Return whether `key`, found after the dotted path `prefix`, is left out."""
        if self.keep and (key in self.keep or prefix + key in self.keep):
            return False
        if self.volatile and (key in self.volatile or prefix + key in self.volatile):
            return True
        return is_volatile_key(key)


def key_rules(volatile: Collection[str], keep: Collection[str]) -> KeyRules:
    """Return the rules for a caller's two lists of keys.

    Raises:
        ParameterError: A list is none (a single text, an iterator), or holds something else than
            texts, a key stands in both lists, or `grid_id` is to be kept.
    """
    if not volatile and not keep:
        return _NO_RULES
    rules = KeyRules(_names(volatile, "volatile"), _names(keep, "keep"))
    both = sorted(rules.volatile & rules.keep)
    if both:
        raise ParameterError(
            f"{', '.join(both)} cannot be left out by volatile= and kept by keep= at once. "
            "Nothing was hashed. Take it out of one of the two."
        )
    if GRID_ID in rules.keep:
        raise ParameterError(
            "keep= names grid_id, but an id cannot be a part of what it is made from. "
            "Nothing was hashed. Give the parameter another name."
        )
    return rules


_NO_RULES = KeyRules()


def _names(names: Any, option: str) -> frozenset[str]:
    # A lone text would be taken for the list of its letters, and an iterator is good for one look.
    is_list = isinstance(names, Collection) and not isinstance(names, str)
    if not is_list or not all(isinstance(name, str) for name in names):
        raise ParameterError(
            f"{option}={names!r} is no list of keys; expected texts, such as {option}=['notes']. "
            "Nothing was hashed."
        )
    return frozenset(names)


def without_defaults(
    values: dict[str, Any], defaults: dict[str, Any], prefix: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Return canonical values without those that equal their default, and the paths of these.

    A mapping is compared key by key with a mapping; what is absent means its default, and a
    mapping of which nothing is left is absent. All else is compared whole.

    Args:
        values: Canonical values.
        defaults: The defaults in canonical form.
        prefix: The dotted path to `values`.
    """
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in values.items():
        path = prefix + name.removeprefix("$")
        if name in defaults and _is_mapping(value) and _is_mapping(defaults[name]):
            rest, inner = without_defaults(value, defaults[name], f"{path}.")
            if rest:
                kept[name] = rest
            dropped += inner if rest else [path]
        # As text, because to Python True is 1.
        elif name in defaults and canonical_json(value) == canonical_json(defaults[name]):
            dropped.append(path)
        else:
            kept[name] = value
    return kept, sorted(dropped)


def _is_mapping(form: Any) -> bool:
    return isinstance(form, dict) and not is_tag(form)
