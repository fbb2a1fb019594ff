from __future__ import annotations

import json
import math
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from parquetry.experiments.canonical import canonical_form, canonical_json
from parquetry.experiments.hashing import attach_grid_id, digest_params, grid_hash

if TYPE_CHECKING:
    import random

# Few letters, so that texts meet; among them an é, its accent alone, and two signs for one Å.
TEXT = st.text(st.sampled_from('$aA"\\\n0-é\u0301\u00c5\u212b\u2028😀'), max_size=8)
# Two spellings of one key are refused, which the unit tests try.
KEYS = st.text(st.sampled_from("$abAB_-.1é"), max_size=4)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.floats(-10, 10).map(lambda value: round(value, 3))
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
)
SCALARS = (
    st.none() | st.booleans() | NUMBERS | TEXT
    | st.dates() | st.datetimes() | st.datetimes(timezones=st.just(UTC))
)  # fmt: skip
VALUES = st.recursive(
    SCALARS | st.frozensets(st.integers(0, 3) | TEXT, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PARAMS = st.dictionaries(KEYS, VALUES, max_size=5)


def text(value: Any) -> str:
    return canonical_json(canonical_form({"x": value}).values)


def meaning(value: Any) -> Any:
    """Return what a value means, so that two values mean the same where their ids should agree.

    It is written apart from the code under test: with numbers as rounded decimals instead of
    shortest floats, and with types as names instead of tags.
    """
    if isinstance(value, (list, tuple)):
        return ("list", tuple(meaning(item) for item in value))
    if isinstance(value, dict):
        return ("mapping", frozenset((key, meaning(item)) for key, item in value.items()))
    if isinstance(value, frozenset):
        return ("set", frozenset(meaning(item) for item in value))
    if isinstance(value, float):
        return meaning_of_float(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return ("number", Decimal(value))
    if isinstance(value, datetime):
        return ("instant", value.tzinfo is None, value.replace(tzinfo=None))
    if isinstance(value, str):
        return ("text", unicodedata.normalize("NFC", value))
    return (type(value).__name__, value)


def meaning_of_float(value: float) -> Any:
    if not math.isfinite(value):
        return ("number", str(value))
    if value.is_integer() and abs(value) < 2**53:
        return ("number", Decimal(value))
    with localcontext(prec=10, Emin=-999999, Emax=999999):
        rounded = +Decimal(value)
    is_large = abs(rounded) >= 2**53
    nearest = float(rounded) if math.isfinite(float(rounded)) else value
    return ("large float" if is_large else "number", Decimal(repr(nearest)))


def shuffled(value: Any, random_source: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(item, random_source)) for key, item in value.items()]
        random_source.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffled(item, random_source) for item in value]
        return tuple(items) if random_source.random() < 0.5 else items
    return value


def as_numpy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_numpy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_numpy(item) for item in value]
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return np.int64(value)
    return np.float64(value) if isinstance(value, float) else value


@given(PARAMS, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_the_kind_of_list_do_not_matter(
    params: Any, random_source: Any
) -> None:
    assert digest_params(shuffled(params, random_source)) == digest_params(params)


@given(PARAMS)
def test_numpy_scalars_do_not_matter(params: Any) -> None:
    assert grid_hash(as_numpy(params)) == grid_hash(params)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float32_is_the_number_that_it_prints(value: Any) -> None:
    single = np.float32(value)
    assert text(single) == text(float(str(single)))


@given(
    st.decimals(-1000, 1000, places=5, allow_nan=False),
    st.floats(-4e-13, 4e-13, allow_nan=False),
)
def test_noise_below_ten_digits_does_not_matter(number: Any, noise: Any) -> None:
    value = float(number)
    assume(len(number.as_tuple().digits) <= 9)
    assert text(value * (1 + noise)) == text(value)


@given(VALUES, VALUES)
def test_two_values_have_the_same_text_just_when_they_mean_the_same(one: Any, other: Any) -> None:
    assert (text(one) == text(other)) == (meaning(one) == meaning(other))


@given(NUMBERS, NUMBERS)
def test_two_numbers_have_the_same_text_just_when_they_mean_the_same(one: Any, other: Any) -> None:
    assert (text(one) == text(other)) == (meaning(one) == meaning(other))


@given(VALUES)
def test_the_text_is_strict_json_and_says_the_values(value: Any) -> None:
    values = canonical_form({"x": value}).values
    assert json.loads(canonical_json(values), parse_constant=refuse) == values


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@given(VALUES)
def test_no_tag_can_be_forged_by_passing_its_canonical_form(value: Any) -> None:
    form = canonical_form({"x": value}).values["x"]
    assert (text(form) == text(value)) == (not has_marked_key(form))


def has_marked_key(form: Any) -> bool:
    if isinstance(form, dict):
        return any(key.startswith("$") or has_marked_key(item) for key, item in form.items())
    return isinstance(form, list) and any(map(has_marked_key, form))


@given(PARAMS, st.integers(4, 64))
def test_attaching_twice_is_attaching_once(params: Any, length: Any) -> None:
    once = attach_grid_id(params, length=length)
    assert attach_grid_id(once, length=length) == once
    assert digest_params(once).digest == digest_params(params).digest
    assert grid_hash(once, length=length) == once["grid_id"]


@given(st.dates(), TEXT)
def test_a_day_is_never_text(day: Any, other: Any) -> None:
    assert text(day) not in {text(other), text(day.isoformat()), text(datetime(day.year, 1, 1))}
    assert isinstance(day, date)
