"""Parameters as a plan keeps them: JSON that gives back the values that were put in.

The canonical form will not do, since it rounds. Its tags will: `{"$date": "2026-01-31"}` is a date,
and a user's own key that begins with `$` has a second one.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.foreign_values import plain_value, type_name
from parquetry.experiments.scalars import Tagged, UnacceptableError, is_tag, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEPTH_LIMIT = 100
_AS_IT_IS = (type(None), bool, int, str)
_READERS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$decimal": Decimal,
    "$date": date.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$set": lambda items: {_hashable(decode_value(item)) for item in items},
}


def encode_params(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the parameters as JSON can hold them; a tuple becomes a list, an Enum its value.

    Raises:
        ParameterError: A value could not be given back, for example an array.
    """
    return _encode_mapping(params, "", 0)


def decode_params(encoded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that were encoded, in new containers.

    Raises:
        ParameterError: One of them was kept as a digest only.
    """
    return {_without_escape(key): decode_value(value) for key, value in encoded.items()}


def _encode_mapping(members: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    encoded = {}
    for given, value in members.items():
        key = given.value if isinstance(given, Enum) else given
        if not isinstance(key, str):
            raise _refusal(where, f"has a key {given!r}; keys must be text")
        name = f"${key}" if key.startswith("$") else str(key)
        encoded[name] = _encode(value, f"{where}.{key}".lstrip("."), depth + 1)
    return encoded


def _encode(value: Any, where: str, depth: int) -> Any:
    if depth > _DEPTH_LIMIT:
        raise _refusal(where, f"lies more than {_DEPTH_LIMIT} levels deep, or contains itself")
    if type(value) in _AS_IT_IS:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else tag("float", str(value))
    if type(value) is dict:
        return _encode_mapping(value, where, depth)
    if type(value) in (list, tuple):
        return [_encode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if type(value) in (set, frozenset):
        items = [_encode(item, f"{where}{{…}}", depth + 1) for item in value]
        if any(isinstance(item, dict) and not is_tag(item) for item in items):
            raise _refusal(where, "is a set of mappings, which cannot be made again")
        return tag("set", sorted(items, key=lambda item: json.dumps(item, sort_keys=True)))
    return _encode_rare(value, where, depth)


def _encode_rare(value: Any, where: str, depth: int) -> Any:
    if type(value) is Decimal:
        return tag("decimal", str(value))
    if type(value) is date or type(value) is datetime:
        return tag(type(value).__name__, value.isoformat())
    try:
        plain = plain_value(value)
    except UnacceptableError as refusal:
        raise _refusal(where, refusal.reason) from None
    if not isinstance(plain, Tagged):
        return _encode(plain, where, depth + 1)
    if "$ndarray" in plain.form:
        raise _refusal(where, f"is a {type_name(value)}, of which a plan could keep only a digest")
    return plain.form


def _refusal(where: str, reason: str) -> ParameterError:
    return ParameterError(
        f"Parameter {where} {reason}. A sweep keeps its parameters in a file, for workers to read. "
        "Nothing was declared. Give the value as text, number, date, list, set or mapping of these."
    )


def decode_value(value: Any) -> Any:
    """Return what a value of a plan stands for."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_tag(value):
        return decode_params(value)
    ((name, content),) = value.items()
    if name not in _READERS:
        raise ParameterError(
            f"A parameter was kept only by its digest ({name[1:]}), so it cannot be given back. "
            "Nothing was run. Declare the sweep with parameters that a file can hold."
        )
    return _READERS[name](content)


def _without_escape(key: str) -> str:
    return key[1:] if key.startswith("$$") else key


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return frozenset(value) if isinstance(value, set) else value
