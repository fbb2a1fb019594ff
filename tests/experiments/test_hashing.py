from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parquetry.errors import ParameterError
from parquetry.experiments.hashing import (
    attach_grid_id,
    canonicalize_params,
    check_grid_id,
    digest_params,
    grid_hash,
)

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "formats" / "canon2_golden.json").read_text(encoding="utf-8")
)
# What the golden file cannot hold, because JSON has no word for it.
PYTHON_PARAMS: dict[str, Any] = {
    "not finite": {"a": float("nan"), "b": float("inf"), "c": float("-inf")},
    "sets": {"s": {3, 1, 2}, "t": frozenset({"x"})},
    "times": {
        "day": date(2026, 1, 2),
        "naive": datetime(2026, 1, 2, 3, 4),
        "utc": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    },
    "decimals": {"exact": Decimal("0.12345678912"), "number": Decimal("0.50")},
    "array": {"w": np.array([[1.0, -0.0], [np.nan, 2.5]])},
    "float32": {"lr": np.float32(0.1)},
}


def golden_params(case: dict[str, Any]) -> Any:
    return case.get("params", PYTHON_PARAMS.get(case["name"]))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_the_canonical_form_is_as_it_was(case: Any) -> None:
    digest = digest_params(golden_params(case), **case.get("options", {}))
    assert digest.canonical == case["canonical"]
    assert digest.algo == case["algo"]
    assert digest.grid_id == case["grid_id"]
    assert digest.digest == case["digest"]


def test_every_golden_case_has_its_parameters() -> None:
    named = {case["name"] for case in GOLDEN["cases"] if "params" not in case}
    assert named == set(PYTHON_PARAMS)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"b": 1, "a": 1.0}, '{"a":1.0,"b":1}'),
        ({"x": 1.00000000000001, "y": -0.0, "z": 0.12345678901},
         '{"x":1.0,"y":0.0,"z":0.123456789}'),
        ({"lr": 1e-11}, '{"lr":0.0}'),
        ({"t": (1, [2.5, {"path": 1, "q": True}])}, '{"t":[1,[2.5,{"q":true}]]}'),
        ({"profile": 1, "dirichlet_alpha": 2, "Direction": 3, "seed": 4, "created": 5},
         '{"created":5}'),
        ({"é": float("nan"), "i": float("inf")}, '{"i":Infinity,"\\u00e9":NaN}'),
        ({"grid_id": "abc", "a": {"grid_id": 1}}, '{"a":{"grid_id":1}}'),
        ({"f": np.float64(0.1)}, '{"f":0.1}'),
    ],
)  # fmt: skip
def test_the_legacy_form_is_the_old_one(params: Any, text: Any) -> None:
    assert digest_params(params, algo="legacy").canonical == text


def test_the_legacy_id_is_the_beginning_of_the_md5() -> None:
    params = {"algo": "memorypair", "gamma_bar": 1.0, "seed": 3}
    digest = digest_params(params, algo="legacy")
    # md5 of {"algo":"memorypair","gamma_bar":1.0}
    assert digest.digest == "b238c2b65cffcb93c1b7c23b44b8a861"
    assert grid_hash(params, algo="legacy") == digest.grid_id == digest.digest[:8]
    assert digest.ignored == ("seed",)
    assert digest.algo == "legacy"


@pytest.mark.parametrize("value", [{1, 2}, b"a", np.int64(1), {1: 2}, date(2026, 1, 1)])
def test_what_the_old_engine_could_not_hash_has_no_legacy_id(value: Any) -> None:
    with pytest.raises(ParameterError, match="old form"):
        grid_hash({"x": value}, algo="legacy")


def test_a_cycle_has_no_legacy_id() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ParameterError, match="old form"):
        grid_hash({"x": loop}, algo="legacy")


def test_legacy_ids_take_no_options() -> None:
    with pytest.raises(ParameterError, match="takes no keep"):
        grid_hash({"x": 1}, algo="legacy", keep=["seed"])
    plain = grid_hash({"x": 1}, algo="legacy")
    unchanged: dict[str, Any] = {"sig_digits": 10, "volatile": [], "keep": (), "defaults": None}
    assert grid_hash({"x": 1}, algo="legacy", **unchanged) == plain


def test_an_unknown_algo_is_refused() -> None:
    with pytest.raises(ParameterError, match="canon3"):
        grid_hash({"x": 1}, algo="canon3")  # type: ignore[arg-type]


def test_canonicalize_params_gives_what_counts_and_nothing_else() -> None:
    params = {"gamma_bar": 1.0, "algo": "memorypair", "seed": 1, "out_dir": Path("x"), "p": (1, 2)}
    before = dict(params)
    assert canonicalize_params(params) == {"algo": "memorypair", "gamma_bar": 1, "p": [1, 2]}
    assert params == before


def test_attach_grid_id_gives_a_new_dict_with_all_parameters() -> None:
    params = {"algo": "memorypair", "seed": 1, "p": (1, 2)}
    attached = attach_grid_id(params)
    assert attached == {**params, "grid_id": grid_hash(params)}
    assert "grid_id" not in params
    assert attached["p"] is params["p"]


def test_attaching_twice_is_attaching_once() -> None:
    for options in ({}, {"algo": "legacy"}, {"sig_digits": 3}):
        once = attach_grid_id({"gamma": 0.123456}, **options)
        assert attach_grid_id(once, **options) == once
        assert attach_grid_id(once) == once
        assert grid_hash(once, **options) == once["grid_id"]


def test_a_given_grid_id_is_kept_and_plays_no_part_in_the_hash() -> None:
    params = {"gamma": 1, "grid_id": "my-grid_1.0"}
    assert attach_grid_id(params) == params
    digest = digest_params(params)
    assert (digest.grid_id, digest.is_own_id) == ("my-grid_1.0", True)
    assert digest.digest == digest_params({"gamma": 1}).digest
    assert digest.ignored == ()


def test_a_grid_id_of_none_is_none_given() -> None:
    assert attach_grid_id({"gamma": 1, "grid_id": None}) == attach_grid_id({"gamma": 1})


@pytest.mark.parametrize("good", ["abc12345", "1e234567", "a.b-c_D", "_x", "x" * 128])
def test_a_path_safe_id_is_given_back(good: Any) -> None:
    assert check_grid_id(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        "", ".", "..", ".a", "a.", "a/b", "a\\b", "a b", "a=b", "a\n", "é", "a\0", "x" * 129,
        "%2F", "__HIVE_DEFAULT_PARTITION__", 12345678, b"a", 1.0, True,
    ],
)  # fmt: skip
def test_an_id_that_cannot_name_a_folder_is_refused(bad: Any) -> None:
    for call in (
        lambda: check_grid_id(bad),
        lambda: attach_grid_id({"a": 1, "grid_id": bad}),
        lambda: digest_params({"a": 1, "grid_id": bad}),
    ):
        with pytest.raises(ParameterError, match="cannot name a folder"):
            call()


def test_a_longer_id_begins_with_the_shorter() -> None:
    params = {"gamma": 1}
    digest = digest_params(params)
    assert len(digest.grid_id) == 8
    assert grid_hash(params, length=12) == digest.digest[:12]
    assert grid_hash(params, length=64) == digest.digest
    assert attach_grid_id(params, length=12)["grid_id"] == digest.grown().grid_id
    assert digest.grown().grown() == dataclasses.replace(digest, grid_id=digest.digest[:16])


def test_an_own_id_and_a_full_digest_cannot_grow() -> None:
    for digest in (digest_params({"grid_id": "mine"}), digest_params({"a": 1}, length=64)):
        with pytest.raises(ParameterError, match="cannot grow"):
            digest.grown()


@pytest.mark.parametrize("length", [0, 3, 65, -1, 8.0, True, None])
def test_an_impossible_length_is_refused(length: Any) -> None:
    for call in (grid_hash, attach_grid_id, digest_params):
        with pytest.raises(ParameterError, match="length"):
            call({"a": 1}, length=length)


def test_a_legacy_id_has_at_most_the_digits_of_md5() -> None:
    assert len(grid_hash({"a": 1}, algo="legacy", length=32)) == 32
    with pytest.raises(ParameterError, match="length"):
        grid_hash({"a": 1}, algo="legacy", length=33)


def test_other_significant_digits_make_another_form_with_other_ids() -> None:
    assert digest_params({"a": 1}, sig_digits=12).algo == "canon2;sig=12"
    assert grid_hash({"a": 1}, sig_digits=12) != grid_hash({"a": 1})


def test_a_digest_is_frozen_and_survives_pickling() -> None:
    digest = digest_params({"a": 1, "seed": 3})
    assert pickle.loads(pickle.dumps(digest)) == digest
    with pytest.raises(dataclasses.FrozenInstanceError):
        digest.grid_id = "x"  # type: ignore[misc]


def test_an_omegaconf_config_is_attached_like_a_mapping() -> None:
    omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")
    config = omegaconf.OmegaConf.create({"lr": 0.1, "twice": "${lr}"})
    assert attach_grid_id(config) == attach_grid_id({"lr": 0.1, "twice": 0.1})
    missing = omegaconf.OmegaConf.create({"lr": 0.1, "seed": "???"})
    assert grid_hash(missing) == grid_hash({"lr": 0.1})
    with pytest.raises(ParameterError, match="seed cannot be read"):
        attach_grid_id(missing)
