"""Values of other libraries and of derived classes, taken back to Python's own types.

NumPy, pydantic and OmegaConf are looked up among the modules that are loaded: who holds one of
their values has imported them, and nobody else pays for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from parquetry.experiments.scalars import (
    Tagged,
    UnacceptableError,
    Unreadable,
    canonical_date,
    canonical_datetime,
    tag,
)

ACCEPTED = (
    "None, bool, int, float, str, Decimal, Enum, date, datetime, list, tuple, set, mappings with "
    "text keys, dataclasses, pydantic models, OmegaConf containers, NumPy scalars and arrays"
)


def plain_value(value: Any) -> Any:
    """Return the value as one of the types that the canonical form starts from.

    Raises:
        UnacceptableError: It is nothing that can be told apart safely.
    """
    # An Enum first: IntEnum and StrEnum are ints and strs as well.
    if isinstance(value, Enum):
        return value.value
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, getattr(numpy, "ndarray", ())):
        return Tagged(_array_tag(value, numpy))
    if numpy is not None and isinstance(value, getattr(numpy, "generic", ())):
        return _numpy_item(value, numpy)
    for kind, simplify in _DERIVED:
        if isinstance(value, kind):
            return simplify(value)
    members = plain_mapping(value)
    return _plain_sequence(value) if members is None else members


# A class derived from one of these counts as what it is derived from; the most special first.
_DERIVED: tuple[tuple[type, Any], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (datetime, lambda value: Tagged(canonical_datetime(value))),
    (date, lambda value: Tagged(canonical_date(value))),
    (list, list),
    (tuple, list),
    (AbstractSet, frozenset),
)


def plain_mapping(value: Any) -> dict[Any, Any] | None:
    """Return the named members of a mapping, dataclass, model or config; None for others."""
    if type(value) is dict:
        return value
    if _is_config(value, "DictConfig"):
        return _config_members(value)
    if isinstance(value, Mapping):
        return dict(value.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _members(value, [field.name for field in dataclasses.fields(value)])
    if _is_model(value, "pydantic.main", "BaseModel") and not _is_root_model(value):
        extra = value.__pydantic_extra__ or {}
        return {**_members(value, list(type(value).model_fields)), **extra}
    return None


def _plain_sequence(value: Any) -> Any:
    if _is_root_model(value):
        return value.root
    if _is_config(value, "ListConfig"):
        return _config_items(value)
    raise UnacceptableError(f"has the type {type_name(value)}, which has no canonical form")


def type_name(value: Any) -> str:
    """Return the name of the value's class, with its module unless it is one of Python's own."""
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _members(value: Any, names: list[str]) -> dict[str, Any]:
    missing = Unreadable(f"has not been set, although {type_name(value)} declares it")
    return {name: getattr(value, name, missing) for name in names}


def _is_model(value: Any, module_name: str, class_name: str) -> bool:
    return isinstance(value, getattr(sys.modules.get(module_name), class_name, ()))


def _is_root_model(value: Any) -> bool:
    return _is_model(value, "pydantic.root_model", "RootModel")


def _is_config(value: Any, class_name: str) -> bool:
    return isinstance(value, getattr(sys.modules.get("omegaconf"), class_name, ()))


def _config_members(config: Any) -> dict[Any, Any]:
    _refuse_empty_config(config)
    return {key: _config_value(config, key) for key in config}


def _config_items(config: Any) -> list[Any]:
    _refuse_empty_config(config)
    return [_config_value(config, index) for index in range(len(config))]


def _refuse_empty_config(config: Any) -> None:
    # Such a container answers like an empty one, which is another value.
    if config in (None, "???"):
        raise UnacceptableError(f"is a {type_name(config)} that holds nothing, not even no entries")


def _config_value(config: Any, key: Any) -> Any:
    errors = sys.modules["omegaconf.errors"]
    try:
        return config[key]
    except errors.OmegaConfBaseException as error:
        return Unreadable(f"cannot be read from its OmegaConf config: {str(error).splitlines()[0]}")


def _numpy_item(value: Any, numpy: Any) -> Any:
    kind, char = value.dtype.kind, value.dtype.char
    if kind in "biu" or char == "d":
        return value.item()
    if char in "ef":
        # A float32 means 0.1, and not the 0.10000000149 that it is as a float64.
        return float(numpy.format_float_scientific(value, unique=True))
    if kind == "U":
        return str(value)
    if kind == "M":
        return _numpy_time(value, numpy)
    raise UnacceptableError(f"has the type {type_name(value)}, which has no canonical form")


def _numpy_time(value: Any, numpy: Any) -> date | datetime:
    unit, _ = numpy.datetime_data(value.dtype)
    item = value.item()
    if unit in ("ns", "ps", "fs", "as"):
        micros = value.astype("M8[us]")
        # NaT is unlike itself, so that it fails here too.
        item = micros.item() if micros == value else None
    if isinstance(item, date):
        return item
    raise UnacceptableError("is a numpy.datetime64 that is no time in whole microseconds")


def _array_tag(array: Any, numpy: Any) -> dict[str, Any]:
    # A derived class (masked, with units) means more than its bytes say.
    if type(array) not in (numpy.ndarray, numpy.memmap):
        raise UnacceptableError(f"is a {type_name(array)}, which means more than its bytes")
    if array.dtype.kind not in "biufcMm" or array.dtype.char in "gG":
        raise UnacceptableError(
            f"is a NumPy array of dtype {array.dtype}, whose bytes do not tell its values; "
            "give it as a list"
        )
    dtype = array.dtype.newbyteorder("<")
    flat = array.astype(dtype).reshape(-1)
    if array.dtype.kind in "fc":
        flat = _one_zero_one_nan(flat, numpy)
    return tag(
        "ndarray",
        {
            "dtype": dtype.str,
            "sha256": hashlib.sha256(flat.astype(dtype).tobytes()).hexdigest(),
            "shape": list(array.shape),
        },
    )


def _one_zero_one_nan(flat: Any, numpy: Any) -> Any:
    # Equal numbers must have equal bytes: -0.0 is 0.0, and NaN has many payloads.
    parts = flat.view(flat.real.dtype) + 0.0
    parts[numpy.isnan(parts)] = numpy.nan
    return parts.view(parts.dtype if flat.dtype.kind == "f" else f"c{flat.dtype.itemsize}")
