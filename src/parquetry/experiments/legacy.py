"""The ids of the first generation: MD5, ten decimals, parts of words.

They are kept so that folders which carry them can be found and added to. For new experiments
they are a trap: `1e-11` and `3e-11` have one id, `profile` and `dirichlet_alpha` are left out as
if they were paths, and `1` and `1.0` have two ids.

What is done, exactly:

1. On every level a key is left out that is one of `LEGACY_KEYS`, or that contains path, dir,
   folder or file anywhere, in upper or lower case.
2. A float is rounded to ten decimals; if it then is less than 1e-10 from a whole number, it is
   this number, still as a float (`1.0`, and `-0.0` is `0.0`). NaN and the infinities stay.
3. A tuple is a list. All else stays as it is, and must be something that `json` can write.
4. `json.dumps(…, sort_keys=True, separators=(",", ":"))`: non-ASCII text is escaped, NaN is
   written `NaN`.
5. The id is the beginning, eight digits, of the MD5 of that text in hexadecimal digits.

One thing is new: `grid_id` on the outermost level is left out, so that hashing a parameter set
that carries its id gives this id again. The old engine hashed the id as well.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from parquetry.errors import ParameterError

LEGACY_KEYS = frozenset(
    {
        "base_out", "out_dir", "output_dir", "results_dir", "timestamp", "hostname", "host",
        "user", "seed", "seeds", "commit_results", "figs_dir", "figs", "log_dir", "run_id",
    }
)  # fmt: skip
LEGACY_PARTS = ("path", "dir", "folder", "file")
_DECIMALS = 10
_WHOLE = 1e-10


def legacy_json(params: dict[Any, Any]) -> tuple[str, list[str]]:
    """Return the text that the old engine hashed, and the dotted paths that it left out.

    Raises:
        ParameterError: The old engine could not have hashed it either: a key is no text, a value
            is nothing that `json` can write, or contains itself.
    """
    ignored: set[str] = set()
    members = {key: value for key, value in params.items() if key != "grid_id"}
    try:
        values = _legacy_mapping(members, "", ignored)
        return json.dumps(values, sort_keys=True, separators=(",", ":")), sorted(ignored)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(
            f"The parameters have no id of the old form: {error}. It knows text keys, and as "
            "values None, bool, int, float, str, list, tuple and dict. Nothing was hashed. "
            "Use algo='canon2', or turn the value into one of these."
        ) from error


def legacy_digest(text: str) -> str:
    """Return the 32 hexadecimal digits of the text's MD5."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_legacy_volatile(key: Any) -> bool:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is of type {type(key).__name__}")
    return key in LEGACY_KEYS or any(part in key.lower() for part in LEGACY_PARTS)


def _legacy_mapping(members: dict[Any, Any], prefix: str, ignored: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in members.items():
        if _is_legacy_volatile(key):
            ignored.add(f"{prefix}{key}")
        else:
            values[key] = _legacy_value(value, f"{prefix}{key}.", ignored)
    return values


def _legacy_value(value: Any, prefix: str, ignored: set[str]) -> Any:
    if isinstance(value, float):
        return _legacy_float(float(value))
    if isinstance(value, dict):
        return _legacy_mapping(value, prefix, ignored)
    if isinstance(value, (list, tuple)):
        return [_legacy_value(item, prefix, ignored) for item in value]
    return value


def _legacy_float(value: float) -> float:
    if not math.isfinite(value):
        return value
    rounded = round(value, _DECIMALS)
    whole = round(rounded)
    return float(whole) if abs(rounded - whole) < _WHOLE else rounded
