"""CSVs are found with the parameter files that speak for them, and nothing bad stops the search."""

from __future__ import annotations

import json

import pytest

from parquetry.errors import NotFoundError, StorageError
from parquetry.experiments.conversion.discovering import discover, discover_some
from parquetry.storage.local import LocalStorage


class Locked(LocalStorage):
    """A disk on which one folder cannot be listed."""

    def __init__(self, name):
        self.name = name

    def list_folder(self, path):
        if path.endswith(self.name):
            raise StorageError(f"Could not list the folder {path}: Permission denied.", path=path)
        return super().list_folder(path)


@pytest.fixture
def tree(tmp_path):
    def make(files):
        for path, content in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            file.write_text(text)
        return str(tmp_path)

    return make


def found(root, storage=None, **options):
    return discover(root, storage or LocalStorage(), **options)


def params(discovery):
    return {run.csv: run.deduction.params for run in discovery.runs}


def test_files_beside_below_and_above_speak_for_a_csv_the_nearest_first(tree):
    root = tree(
        {
            "config.yaml": "lr: 1\nn: 1\nroot: 1\nm: 1",
            "a/params.json": {"lr": 2, "n": 2, "m": 2},
            "a/b/run_1.csv": "",
            "a/b/params.yml": "lr: 3\nm: 3",
            "a/b/setup/args.yml": "n: 4\nm: 4\nbelow: 4",
        }
    )
    assert params(found(root)) == {
        "a/b/run_1.csv": {"lr": 3, "n": 4, "root": 1, "m": 3, "below": 4}
    }


def test_a_file_named_after_a_csv_speaks_for_it_alone(tree):
    root = tree(
        {
            "a.csv": "", "a.json": {"lr": 1},
            "b.csv": "", "b.yaml": "lr: 2",
            "c.csv": "", "params.json": {"n": 3},
        }
    )  # fmt: skip
    assert params(found(root)) == {
        "a.csv": {"lr": 1, "n": 3},
        "b.csv": {"lr": 2, "n": 3},
        "c.csv": {"n": 3},
    }


def test_a_folder_below_with_csvs_of_its_own_speaks_for_these_alone(tree):
    root = tree({"a.csv": "", "sub/params.json": {"lr": 1}, "sub/b.csv": ""})
    assert params(found(root))["a.csv"] == {}


def test_files_for_other_branches_play_no_part(tree):
    root = tree({"x=1/a.csv": "", "x=2/params.json": {"lr": 1}, "x=2/a.csv": ""})
    assert params(found(root)) == {"x=1/a.csv": {"x": 1}, "x=2/a.csv": {"x": 2, "lr": 1}}


def test_yaml_of_any_other_name_is_no_parameter_file_and_json_is(tree):
    root = tree({"a.csv": "", "environment.yaml": "name: x", "setup.json": {"lr": 1}})
    assert params(found(root)) == {"a.csv": {"lr": 1}}


def test_hidden_folders_and_the_store_are_not_looked_into_but_hydra_s_is(tree):
    root = tree(
        {
            "x=1/a.csv": "",
            "x=1/.hydra/config.yaml": "lr: 1",
            ".git/b.csv": "",
            "out/c.csv": "",
        }
    )
    assert params(found(root, leave_out=f"{root}/out")) == {"x=1/a.csv": {"x": 1, "lr": 1}}


def test_a_pattern_chooses_among_csvs(tree):
    root = tree({"x=1/events.csv": "", "x=1/losses.csv": "", "x=1/notes.txt": ""})
    assert [run.csv for run in found(root, pattern="events*").runs] == ["x=1/events.csv"]


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_found(tree):
    root = tree({"x=1/a.csv": "", "x=2/a.csv": "", "x=2/deep/b.csv": ""})
    discovery = found(root, Locked("x=2"))
    assert [run.csv for run in discovery.runs] == ["x=1/a.csv"]
    assert [bad.path for bad in discovery.bad] == ["x=2/"]
    assert "Permission denied" in discovery.bad[0].reason


def test_a_broken_parameter_file_stops_only_the_csvs_it_speaks_for(tree):
    root = tree({"x=1/a.csv": "", "x=1/b.csv": "", "x=1/params.json": "{", "x=2/a.csv": ""})
    discovery = found(root)
    assert [run.csv for run in discovery.runs] == ["x=2/a.csv"]
    assert [bad.path for bad in discovery.bad] == ["x=1/a.csv", "x=1/b.csv"]
    assert all("x=1/params.json" in bad.reason for bad in discovery.bad)


def test_files_that_disagree_stop_only_the_csvs_they_speak_for(tree):
    root = tree({"x=1/a.csv": "", "x=1/p.json": {"n": 1}, "x=1/q.json": {"n": 2}, "x=2/a.csv": ""})
    discovery = found(root)
    assert [run.csv for run in discovery.runs] == ["x=2/a.csv"]
    assert "'n' is 1 in x=1/p.json and 2 in x=1/q.json" in discovery.bad[0].reason


def test_json_that_is_no_mapping_is_remarked_on(tree):
    discovery = found(tree({"x=1/a.csv": "", "x=1/scores.json": "[1, 2]"}))
    assert [remark.path for remark in discovery.skipped] == ["x=1/scores.json"]
    assert params(discovery) == {"x=1/a.csv": {"x": 1}}


def test_links_are_not_followed_and_are_remarked_on(tree, tmp_path):
    root = tree({"x=1/a.csv": ""})
    (tmp_path / "x=1" / "loop").symlink_to(tmp_path)
    (tmp_path / "latest.csv").symlink_to(tmp_path / "x=1" / "a.csv")
    discovery = found(root)
    assert [run.csv for run in discovery.runs] == ["x=1/a.csv"]
    assert {remark.path for remark in discovery.skipped} == {"x=1/loop", "latest.csv"}


def test_a_root_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(NotFoundError):
        found(str(tmp_path / "absent"))


def test_some_csvs_are_understood_as_all_are(tree):
    root = tree(
        {
            "config.yaml": "lr: 1",
            "x_1/run_1.csv": "",
            "x_1/setup/args.yml": "n: 4",
            "x_2/run_1.csv": "",
            "x_2/run_2.csv": "",
        }
    )
    csvs = ["x_1/run_1.csv", "x_2/run_2.csv"]
    some = discover_some(root, csvs, LocalStorage())
    assert some.runs == tuple(run for run in found(root).runs if run.csv in csvs)
