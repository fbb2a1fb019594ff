from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from parquetry.errors import ParameterError
from parquetry.experiments.canonical import canonical_form, canonical_json


def form(value: Any, **options: Any) -> Any:
    return canonical_form({"x": value}, **options).values["x"]


def text(value: Any, **options: Any) -> str:
    return canonical_json(form(value, **options))


class Colour(Enum):
    RED = "red"
    PAIR = (1, 0.5)


class Level(IntEnum):
    HIGH = 3


class Mode(StrEnum):
    FAST = "fast"


class Flags(IntFlag):
    A = 1
    B = 2


class Opaque(Enum):
    THING = object()


@dataclasses.dataclass
class Optimizer:
    name: str
    lr: float = 0.1
    schedule: list[Any] = dataclasses.field(default_factory=list)


class Kelvin(float):
    pass


Point = namedtuple("Point", "x y")  # noqa: PYI024


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333333333"),
        (1e-11, "1e-11"),
        (3e-11, "3e-11"),
        (0.99999999999, "1"),
        (12345678901.0, "12345678901"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199255000000.0"),
        (1e16, "1e+16"),
        (10**16, "10000000000000000"),
        (2**53 + 1, "9007199254740993"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (float("nan"), '{"$float":"nan"}'),
        (float("inf"), '{"$float":"inf"}'),
        (float("-inf"), '{"$float":"-inf"}'),
        ("é", '"é"'),
        ("e\u0301", '"é"'),
        ((1, [2.0, "a"]), '[1,[2,"a"]]'),
        (Point(1, 2), "[1,2]"),
        ({3, 1, 2}, '{"$set":[1,2,3]}'),
        (frozenset({"b", "a"}), '{"$set":["a","b"]}'),
        ({0.1, 0.1 + 1e-13}, '{"$set":[0.1]}'),
        (set(), '{"$set":[]}'),
        ({"b": 1, "a": {"d": 2, "c": 3}}, '{"a":{"c":3,"d":2},"b":1}'),
        (OrderedDict(b=1, a=2), '{"a":2,"b":1}'),
        (MappingProxyType({"b": 1}), '{"b":1}'),
        (Optimizer("sgd"), '{"lr":0.1,"name":"sgd","schedule":[]}'),
        (Kelvin(273.15), "273.15"),
        (Colour.RED, '"red"'),
        (Colour.PAIR, "[1,0.5]"),
        (Level.HIGH, "3"),
        (Mode.FAST, '"fast"'),
        (Flags.A | Flags.B, "3"),
        ({Mode.FAST: 1}, '{"fast":1}'),
    ],
)
def test_each_accepted_type_has_one_json_text(value: Any, expected: Any) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal(2), "2"),
        (Decimal("2.000"), "2"),
        (Decimal("0.10"), "0.1"),
        (Decimal("-0"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E+20"), "100000000000000000000"),
        (Decimal("0.1234567891"), "0.1234567891"),
        (Decimal("0.12345678912"), '{"$decimal":"0.12345678912"}'),
        (Decimal("1E-400"), '{"$decimal":"1E-400"}'),
        (Decimal("NaN"), '{"$float":"nan"}'),
        (Decimal("-Infinity"), '{"$float":"-inf"}'),
    ],
)
def test_a_decimal_is_the_number_it_shows_and_loses_no_digit(value: Any, expected: Any) -> None:
    assert text(value) == expected


def test_a_decimal_ignores_the_current_decimal_context() -> None:
    value = Decimal("0.1234567890123456789012345678901234567890")
    assert text(value) == f'{{"$decimal":"{str(value)[:-1]}"}}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 1, 2), '{"$date":"2026-01-02"}'),
        (datetime(2026, 1, 2), '{"$datetime":"2026-01-02T00:00:00"}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '{"$datetime":"2026-01-02T00:00:00Z"}'),
        (
            datetime(2026, 1, 2, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
            '{"$datetime":"2026-01-01T23:00:00.000005Z"}',
        ),
    ],
)
def test_days_and_instants_are_tagged_and_instants_are_in_utc(value: Any, expected: Any) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.bool_(1), True),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), 0.1),
        (np.float32(16777216), 16777216),
        (np.float16(0.1), 0.1),
        (np.float32("nan"), float("nan")),
        (np.float32("-inf"), float("-inf")),
        (np.str_("a"), "a"),
        (np.datetime64("2026-01-02"), date(2026, 1, 2)),
        (np.datetime64("2026-01-02T03:04:05.000006000"), datetime(2026, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_a_numpy_scalar_is_its_item(value: Any, plain: Any) -> None:
    assert text(value) == text(plain)


def test_an_array_counts_by_dtype_shape_and_values() -> None:
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    tagged = form(array)["$ndarray"]
    assert (tagged["dtype"], tagged["shape"], len(tagged["sha256"])) == ("<f8", [2, 2], 64)
    assert text(np.asfortranarray(array)) == text(array)
    assert text(array.astype(">f8")) == text(array)
    assert text(array[:, ::-1][:, ::-1]) == text(array)
    others = [
        array.astype("f4"), array.reshape(4), array + 1, array.tolist(), array.T,
    ]  # fmt: skip
    assert len({text(array), *map(text, others)}) == 6


def test_arrays_of_equal_numbers_are_equal_whatever_their_zeros_and_nans_look_like() -> None:
    odd_nan = np.array([0x7FF8000000000001], dtype="<u8").view("<f8")
    assert text(np.array([-0.0])) == text(np.array([0.0]))
    assert text(odd_nan) == text(np.array([np.nan]))
    assert text(np.array([complex(0.0, -0.0)])) == text(np.array([0j]))


def test_arrays_without_dimensions_or_elements_have_a_form() -> None:
    assert form(np.array(1.5))["$ndarray"]["shape"] == []
    assert form(np.empty((0, 3)))["$ndarray"]["shape"] == [0, 3]
    assert form(np.array(1j))["$ndarray"]["dtype"] == "<c16"


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()]),
        np.array(["a"]),
        np.array([1], dtype=np.longdouble),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.ma.masked_array([1, 2], mask=[False, True]),
        np.longdouble(1),
        np.complex128(1),
        np.bytes_(b"a"),
        np.datetime64("NaT"),
        np.datetime64("NaT", "ns"),
        np.datetime64(1, "ns"),
        np.timedelta64(1, "s"),
    ],
)
def test_numpy_values_whose_bytes_are_not_their_meaning_are_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="Parameter x"):
        form(value)


@pytest.mark.parametrize(
    "value",
    [
        b"bytes",
        bytearray(b"a"),
        Path("a"),
        object(),
        1j,
        Fraction(1, 3),
        time(1),
        timedelta(1),
        range(3),
        iter([1]),
        int,
        Optimizer,
        len,
        Opaque.THING,
        {1: "a"},
        {None: 1},
        "\ud800",
        {"\ud800": 1},
        10**600,
        Decimal("1E+600"),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="Parameter x"):
        form(value)


def test_the_error_names_the_way_to_the_value_and_its_type() -> None:
    with pytest.raises(
        ParameterError, match=r"Parameter optimizer\.schedule\[2\] has the type complex,"
    ):
        canonical_form({"optimizer": Optimizer("sgd", schedule=[1, 2, 3j])})
    with pytest.raises(
        ParameterError, match=r"Parameter runs\[0\]\['a\.b'\] has the type pathlib\."
    ):
        canonical_form({"runs": [{"a.b": Path("x")}]})
    with pytest.raises(ParameterError, match=r"Parameter tags\{…\} has the type bytes,"):
        canonical_form({"tags": {b"x"}})


@pytest.mark.parametrize("params", [None, [("a", 1)], "a", 3, Optimizer])
def test_a_parameter_set_has_keys_and_values(params: Any) -> None:
    with pytest.raises(ParameterError, match="The parameter set is a"):
        canonical_form(params)


def test_two_spellings_of_one_key_are_refused() -> None:
    with pytest.raises(ParameterError, match="two spellings"):
        canonical_form({"caf\u00e9": 1, "cafe\u0301": 1})


@pytest.mark.parametrize("make", [list, dict])
def test_what_contains_itself_is_refused(make: Any) -> None:
    loop = make()
    if make is list:
        loop.append(loop)
    else:
        loop["again"] = loop
    with pytest.raises(ParameterError, match="contains itself"):
        form(loop)


def test_deep_nesting_is_fine_up_to_the_limit() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    assert text(deep) == "[" * 90 + "1" + "]" * 90


def test_the_same_object_twice_is_no_cycle() -> None:
    shared = [1]
    assert text([shared, shared]) == "[[1],[1]]"


def test_keys_are_sorted_by_code_point() -> None:
    assert list(canonical_form({"b": 1, "B": 1, "é": 1, "a": 1}).values) == ["B", "a", "b", "é"]


@pytest.mark.parametrize(
    ("real", "forged"),
    [
        (float("nan"), {"$float": "nan"}),
        ({1}, {"$set": [1]}),
        (date(2026, 1, 2), {"$date": "2026-01-02"}),
        (date(2026, 1, 2), "2026-01-02"),
        (Decimal("0.12345678912"), {"$decimal": "0.12345678912"}),
        ({"$a": 1}, {"$$a": 1}),
        ({"$": 1}, {"": 1}),
    ],
)
def test_a_tag_cannot_be_forged(real: Any, forged: Any) -> None:
    assert text(real) != text(forged)
    assert text(form(real)) != text(real)


@pytest.mark.parametrize(("digits", "expected"), [(1, "0.3"), (3, "0.333"), (17, repr(1 / 3))])
def test_sig_digits_says_how_many_digits_count(digits: Any, expected: Any) -> None:
    assert text(1 / 3, sig_digits=digits) == expected


@pytest.mark.parametrize("digits", [0, 18, 1.5, True, None])
def test_an_impossible_number_of_digits_is_refused(digits: Any) -> None:
    with pytest.raises(ParameterError, match="sig_digits"):
        form(1, sig_digits=digits)


def test_pydantic_models_are_mappings_of_their_fields() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    betas = pydantic.RootModel[list[float]]
    inner = pydantic.create_model("Inner", __config__={"extra": "allow"}, lr=(float, 0.5))
    outer = pydantic.create_model(
        "Outer", inner=(inner, inner(momentum=0.9)), betas=(betas, betas([0.9, 0.99]))
    )
    plain = {"inner": {"lr": 0.5, "momentum": 0.9}, "betas": [0.9, 0.99]}
    assert canonical_form(outer()) == canonical_form(plain)
    unset = inner.model_construct()
    del unset.__dict__["lr"]
    with pytest.raises(ParameterError, match=r"x\.lr has not been set"):
        form(unset)


def test_omegaconf_containers_are_read_with_their_interpolations() -> None:
    OmegaConf = pytest.importorskip("omegaconf", reason="omegaconf is not installed").OmegaConf  # noqa: N806
    config = OmegaConf.create(
        {"lr": 0.1, "half": "${lr}", "steps": [1, "${lr}"], "out_dir": "???", "mode": Mode.FAST}
    )
    leaves_out = lambda key, _prefix: key == "out_dir"  # noqa: E731
    plain = {"lr": 0.1, "half": 0.1, "steps": [1, 0.1], "mode": "fast"}
    assert canonical_form(config, leaves_out=leaves_out).values == canonical_form(plain).values


@pytest.mark.parametrize("broken", [{"a": "???"}, {"a": "${nowhere}"}, {"a": ["???"]}, {1: "a"}])
def test_omegaconf_values_that_cannot_be_read_are_refused(broken: Any) -> None:
    omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")
    with pytest.raises(ParameterError):
        canonical_form(omegaconf.OmegaConf.create(broken))


def test_an_omegaconf_container_that_is_none_is_not_an_empty_one() -> None:
    omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")
    for nothing in (omegaconf.DictConfig(None), omegaconf.ListConfig(None)):
        with pytest.raises(ParameterError, match="holds nothing"):
            form(nothing)
    assert form(omegaconf.OmegaConf.create({"a": None})) == {"a": None}
    assert form(omegaconf.ListConfig(["???", "a"][1:])) == ["a"]


def test_pandas_instants_are_datetimes_and_nat_is_refused() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    instant = pandas.Timestamp("2026-01-02T03:04:05Z")
    assert form(instant) == {"$datetime": "2026-01-02T03:04:05Z"}
    for value in (pandas.NaT, pandas.Timestamp(1)):
        with pytest.raises(ParameterError, match="microseconds"):
            form(value)


def test_hashing_imports_no_library_that_the_caller_has_not_imported() -> None:
    code = (
        "import sys\n"
        "from parquetry.experiments.hashing import grid_hash\n"
        "from pathlib import PurePath\n"
        "grid_hash({'a': {1, 2}, 'b': (1.5,)})\n"
        "try:\n    grid_hash({'a': PurePath('x')})\n"
        "except ValueError:\n    print(sorted({'numpy', 'pydantic', 'omegaconf', 'pandas'}"
        " & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
