"""Canonical form 2: one JSON text for each parameter set, another one for each other.

The rules, in full:

- None, bool, int, str, list and mapping are JSON's. A tuple is a list. A bool is not an int.
- A float keeps ten significant digits (`sig_digits`). A whole number below 2**53 is an int, so
  that `1.0` is `1` and `-0.0` is `0`; from there on an int stays exact, and a float stays a
  float: `10**16` and `1e16` differ. NaN and the infinities are tagged.
- A Decimal is the number that it shows if a float of ten digits can show it, too
  (`Decimal("0.10")` is `0.1`, `Decimal(2)` is `2`). With more digits it is tagged and keeps all
  of them.
- An Enum member is its value.
- A date is tagged. A datetime with a zone is tagged with its instant in UTC; one without is
  tagged without.
- A set is tagged, with its elements in the order of their JSON text.
- A dataclass, pydantic model or OmegaConf container is the mapping (or list) of its fields. An
  instance of a derived class counts as what it is derived from.
- A NumPy scalar is its item, a float32 by its own shortest decimal. An array is tagged with
  dtype, shape and the SHA-256 of its values in little-endian C order.
- Text is in normal form C; keys are sorted by code point; the JSON is compact and strict.
- A tag is a mapping with a key that begins with `$`; a user's key that begins with `$` gets
  another `$`. So nothing that a user passes is ever mistaken for a tag.
- Anything else, bytes and paths included, is refused; `str()` of an unknown value would tie the
  identity of an experiment to an address in memory or to a directory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from parquetry.errors import ParameterError
from parquetry.experiments.foreign_values import ACCEPTED, plain_mapping, plain_value, type_name
from parquetry.experiments.scalars import (
    SCALARS,
    UnacceptableError,
    Unreadable,
    canonical_text_value,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEPTH_LIMIT = 100
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)


@dataclass(frozen=True, slots=True)
class CanonicalForm:
    """A parameter set in canonical form, and the keys that were left out of it.

    Args:
        values: The canonical values by sorted key, as JSON can hold them.
        ignored: The dotted paths of the keys that were left out, sorted.
    """

    values: dict[str, Any]
    ignored: tuple[str, ...]


def canonical_form(
    params: Any, *, sig_digits: int = 10, leaves_out: Callable[[str, str], bool] | None = None
) -> CanonicalForm:
    """Return the canonical values of a parameter set.

    Args:
        params: A mapping with text keys, a dataclass, a pydantic model or an OmegaConf config.
        sig_digits: How many significant digits of a float count.
        leaves_out: Tells for a key and the dotted path before it whether the key is left out.

    Raises:
        ParameterError: A value has no canonical form; the message names its key path and type.
    """
    _check_digits(sig_digits)
    walk = _Walk(sig_digits, leaves_out or _keeps_all)
    try:
        values = walk.mapping(_members_of(params), "", 1)
    except UnacceptableError as refusal:
        raise _letter(refusal) from None
    return CanonicalForm(values, tuple(sorted(walk.ignored)))


def canonical_json(values: Any) -> str:
    """Return the strict compact JSON of canonical values."""
    return _ENCODER.encode(values)


def params_members(params: Any) -> dict[Any, Any]:
    """Return a parameter set's own keys and values, untouched, whatever holds them.

    Raises:
        ParameterError: It is nothing that has keys and values.
    """
    try:
        return _members_of(params)
    except UnacceptableError as refusal:
        raise _letter(refusal) from None


def refuse_unreadable(members: dict[Any, Any]) -> None:
    """Raise if a member cannot be read, which hashing forgives where the key is left out.

    Raises:
        ParameterError: An OmegaConf value is missing or leads nowhere, or a field was never set.
    """
    for key, value in members.items():
        if isinstance(value, Unreadable):
            raise _letter(UnacceptableError(value.reason).inside(_step(str(key))))


def _keeps_all(_key: str, _prefix: str) -> bool:
    return False


def _check_digits(sig_digits: int) -> None:
    if type(sig_digits) is not int or not 1 <= sig_digits <= 17:  # noqa: PLR2004
        raise ParameterError(
            f"sig_digits={sig_digits!r} is no number of significant digits: a float has 1 to 17 "
            "of them. Nothing was hashed."
        )


def _members_of(params: Any) -> dict[Any, Any]:
    members = plain_mapping(params)
    if members is None:
        raise UnacceptableError(
            f"is a {type_name(params)}; expected a mapping with text keys, a dataclass, "
            "a pydantic model or an OmegaConf config"
        )
    return members


def _letter(refusal: UnacceptableError) -> ParameterError:
    if not refusal.steps:
        return ParameterError(f"The parameter set {refusal.reason}. Nothing was hashed.")
    where = "".join(refusal.steps).removeprefix(".")
    return ParameterError(
        f"Parameter {where} {refusal.reason}. Accepted are {ACCEPTED}. Nothing was hashed. "
        "Turn the value into one of these, take its key out, or name it in volatile=[…]."
    )


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


class _Walk:
    """One way through a parameter set, from the outside to the leaves."""

    __slots__ = ("containers", "digits", "ignored", "leaves_out")

    def __init__(self, digits: int, leaves_out: Callable[[str, str], bool]) -> None:
        self.digits = digits
        self.leaves_out = leaves_out
        self.ignored: set[str] = set()
        self.containers: dict[type, Callable[[Any, str, int], Any]] = {
            dict: self.mapping,
            list: self.sequence,
            tuple: self.sequence,
            set: self.unordered,
            frozenset: self.unordered,
        }

    def value(self, value: Any, prefix: str, depth: int) -> Any:
        scalar = SCALARS.get(type(value))
        if scalar is not None:
            return scalar(value, self.digits)
        # The limit catches what contains itself as well.
        if depth > DEPTH_LIMIT:
            raise UnacceptableError(f"lies more than {DEPTH_LIMIT} levels deep, or contains itself")
        container = self.containers.get(type(value))
        if container is not None:
            return container(value, prefix, depth + 1)
        return self.value(plain_value(value), prefix, depth + 1)

    def mapping(self, members: dict[Any, Any], prefix: str, depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for given, value in members.items():
            key = _key(given)
            if self.leaves_out(key, prefix):
                self.ignored.add(prefix + key)
                continue
            name = f"${key}" if key.startswith("$") else key
            if name in kept:
                raise UnacceptableError(
                    "is there twice, in two spellings of the same Unicode text"
                ).inside(_step(key))
            scalar = SCALARS.get(type(value))
            try:
                kept[name] = (
                    self.value(value, f"{prefix}{key}.", depth)
                    if scalar is None
                    else scalar(value, self.digits)
                )
            except UnacceptableError as refusal:
                raise refusal.inside(_step(key)) from None
        return dict(sorted(kept.items()))

    def sequence(self, items: Iterable[Any], prefix: str, depth: int) -> list[Any]:
        forms: list[Any] = []
        for index, item in enumerate(items):
            try:
                forms.append(self.value(item, prefix, depth))
            except UnacceptableError as refusal:
                raise refusal.inside(f"[{index}]") from None
        return forms

    def unordered(self, items: Iterable[Any], prefix: str, depth: int) -> dict[str, Any]:
        try:
            forms = [self.value(item, prefix, depth) for item in items]
        except UnacceptableError as refusal:
            raise refusal.inside("{…}") from None
        # By text, so that elements which are equal in canonical form count once.
        by_text = {canonical_json(form): form for form in forms}
        return tag("set", [by_text[text] for text in sorted(by_text)])


def _key(key: Any) -> str:
    if type(key) is str and key.isascii():
        return key
    plain = key.value if isinstance(key, Enum) else key
    if not isinstance(plain, str):
        raise UnacceptableError(f"has a key {key!r} of type {type_name(key)}; keys must be text")
    try:
        return canonical_text_value(str.__str__(plain))
    except UnacceptableError as refusal:
        raise UnacceptableError(f"has a key {key!r}, which {refusal.reason}") from None
