from __future__ import annotations

from typing import Any

import pytest

from parquetry.errors import ParameterError
from parquetry.experiments.hashing import canonicalize_params, digest_params, grid_hash
from parquetry.experiments.volatile import is_volatile_key, key_words


@pytest.mark.parametrize(
    "key",
    [
        "base_out",
        "out_dir",
        "output_dir",
        "results_dir",
        "timestamp",
        "hostname",
        "host",
        "user",
        "seed",
        "seeds",
        "commit_results",
        "figs_dir",
        "figs",
        "log_dir",
        "run_id",
        "grid_id",
        "created",
        "started",
        "finished",
        "pid",
        "slurm_job_id",
        "SLURM_ARRAY_TASK_ID",
        "SLURM_PROCID",
        "slurmJobId",
        "path",
        "data_path",
        "dataPath",
        "ckpt-dir",
        "checkpointDir",
        "HDFPath",
        "outputDir2",
        "file2",
        "model.path",
        "Folder",
        "config_file",
        "FILE",
    ],
)
def test_a_key_of_where_and_when_is_left_out(key: Any) -> None:
    assert is_volatile_key(key)
    assert canonicalize_params({key: 1, "algo": "a"}) == {"algo": "a"}


@pytest.mark.parametrize(
    "key",
    [
        "dirichlet_alpha",
        "direction",
        "profile",
        "n_profiles",
        "filename",
        "pathology",
        "xpath",
        "filter",
        "directed",
        "profiler",
        "redirect",
        "user_model",
        "host_count",
        "seed_fraction",
        "identity",
        "slurm",
        "slurm_nodes",
        "created_by",
        "Seed",
    ],
)
def test_a_parameter_is_kept_though_its_name_holds_parts_of_such_words(key: Any) -> None:
    assert not is_volatile_key(key)
    assert canonicalize_params({key: 1}) == {key: 1}


def test_words_end_at_signs_at_humps_and_at_digits() -> None:
    assert key_words("ckptPath-v2_HDFFile") == ["ckpt", "path", "v", "2", "hdf", "file"]


def test_keys_are_left_out_on_every_level_and_listed_by_their_path() -> None:
    params = {
        "seed": 1,
        "optimizer": {"lr": 0.1, "log_dir": "x", "stages": [{"path": "a"}, {"path": "b", "n": 1}]},
    }
    digest = digest_params(params)
    assert digest.canonical == '{"optimizer":{"lr":0.1,"stages":[{},{"n":1}]}}'
    assert digest.ignored == ("optimizer.log_dir", "optimizer.stages.path", "seed")


def test_a_left_out_value_need_not_be_acceptable() -> None:
    assert grid_hash({"a": 1, "data_path": object()}) == grid_hash({"a": 1})


def test_volatile_leaves_out_a_key_everywhere_or_at_one_path() -> None:
    params = {"note": 1, "a": {"note": 2, "b": 3}}
    assert canonicalize_params(params, volatile=["note"]) == {"a": {"b": 3}}
    assert canonicalize_params(params, volatile=["a.note"]) == {"a": {"b": 3}, "note": 1}


def test_keep_keeps_a_key_everywhere_or_at_one_path() -> None:
    params = {"seed": 1, "data": {"seed": 2, "file": "f"}}
    assert canonicalize_params(params, keep=["seed"]) == {"data": {"seed": 2}, "seed": 1}
    assert canonicalize_params(params, keep={"data.seed"}) == {"data": {"seed": 2}}
    assert digest_params(params, keep=["data.seed"]).ignored == ("data.file", "seed")


@pytest.mark.parametrize(
    "options",
    [
        {"volatile": "seed"},
        {"keep": "seed"},
        {"volatile": [1]},
        {"volatile": ["a"], "keep": ["a", "b"]},
        {"keep": ["grid_id"]},
    ],
)
def test_lists_of_keys_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(ParameterError, match="Nothing was hashed"):
        grid_hash({"a": 1}, **options)


def test_a_parameter_that_is_added_with_a_default_renames_nothing() -> None:
    defaults = {"dropout": 0.0, "optimizer": {"name": "adam", "eps": 1e-8}}
    old = {"algo": "a", "optimizer": {"lr": 0.1}}
    new = {"algo": "a", "dropout": 0, "optimizer": {"lr": 0.1, "name": "adam", "eps": 1e-8}}
    assert grid_hash(new, defaults=defaults) == grid_hash(old)
    assert digest_params(new, defaults=defaults).defaulted == (
        "dropout", "optimizer.eps", "optimizer.name",
    )  # fmt: skip
    changed = new | {"dropout": 0.5}
    assert canonicalize_params(changed, defaults=defaults)["dropout"] == 0.5


def test_a_mapping_of_which_nothing_is_left_is_absent() -> None:
    defaults = {"optimizer": {"name": "adam"}}
    sets: list[dict[str, Any]] = [{}, {"optimizer": {}}, {"optimizer": {"name": "adam"}}]
    for params in sets:
        assert canonicalize_params(params, defaults=defaults) == {}
    assert digest_params(sets[2], defaults=defaults).defaulted == ("optimizer",)
    assert canonicalize_params({"optimizer": None}, defaults=defaults) == {"optimizer": None}


@pytest.mark.parametrize(
    ("value", "default"),
    [(True, 1), (1, "1"), ([1], [1, 2]), ({1}, {1, 2}), (float("nan"), float("inf")), (None, 0)],
)
def test_only_an_equal_value_is_a_default(value: Any, default: Any) -> None:
    kept = canonicalize_params({"x": value}, defaults={"x": default})
    assert kept == canonicalize_params({"x": value})


def test_a_tag_is_compared_whole() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    kept = canonicalize_params({"x": numpy.array([1])}, defaults={"x": numpy.array([2])})
    assert set(kept["x"]["$ndarray"]) == {"dtype", "sha256", "shape"}
