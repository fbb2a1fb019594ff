"""Parameter files are plain data, and whatever is more than that is refused by name and line."""

from __future__ import annotations

from datetime import date

import pytest

from parquetry.errors import ParameterError, StorageError
from parquetry.experiments.conversion.parameter_files import read_parameters
from parquetry.storage.local import LocalStorage


def read(tmp_path, text, name="params.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_parameters(str(path), LocalStorage())


def refusal(tmp_path, text, name="params.yaml"):
    with pytest.raises(ParameterError) as caught:
        read(tmp_path, text, name)
    assert str(tmp_path / name) in str(caught.value)
    return str(caught.value)


def test_nested_mappings_stay_nested(tmp_path):
    assert read(tmp_path, "a: {b: {c: [1, 2.5, x]}}\nd: true\ne: 2024-01-31") == {
        "a": {"b": {"c": [1, 2.5, "x"]}},
        "d": True,
        "e": date(2024, 1, 31),
    }
    assert read(tmp_path, '{"a": {"b": [1, null]}}', "params.json") == {"a": {"b": [1, None]}}


def test_an_ordered_dict_is_a_mapping_on_every_level(tmp_path):
    text = """
        !!python/object/apply:collections.OrderedDict
        - - - gamma
            - 0.5
          - - net
            - !!python/object/apply:collections.OrderedDict
              - - [width, 64]
          - - shape
            - !!python/tuple [1, 2]
    """
    assert read(tmp_path, text) == {"gamma": 0.5, "net": {"width": 64}, "shape": [1, 2]}


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.e-4", "+1e-4"])
def test_an_exponent_needs_no_point_to_be_a_number(tmp_path, text):
    assert read(tmp_path, f"lr: {text}") == {"lr": 1e-4}


def test_what_only_begins_like_a_number_stays_text(tmp_path):
    assert read(tmp_path, "lr: lin_2.5e-4\nsteps: 1e4x") == {"lr": "lin_2.5e-4", "steps": "1e4x"}


@pytest.mark.parametrize(
    "tag",
    [
        "object/apply:os.system",
        "name:os.system",
        "module:os",
        "object:builtins.object",
        "object/new:x.Y",
    ],
)
def test_any_other_python_tag_is_refused_by_name_and_line(tmp_path, tag):
    message = refusal(tmp_path, f"a: 1\nb: !!python/{tag} []\n")
    assert f"!!python/{tag}" in message
    assert "line 2" in message


def test_a_key_that_stands_twice_is_refused(tmp_path):
    assert "'a' stands twice" in refusal(tmp_path, "a: 1\nb: 0\na: 2")
    assert "'a' stands twice" in refusal(tmp_path, '{"a": 1, "a": 2}', "params.json")
    ordered = "!!python/object/apply:collections.OrderedDict [[[a, 1], [a, 2]]]"
    assert "'a' stands twice" in refusal(tmp_path, ordered)


def test_a_merged_mapping_may_be_overridden(tmp_path):
    text = "base: &base {lr: 1, n: 2}\nrun: {<<: *base, lr: 3}"
    assert read(tmp_path, text)["run"] == {"lr": 3, "n": 2}


def test_anchors_that_unfold_without_end_are_refused(tmp_path):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "unfold" in refusal(tmp_path, "\n".join(lines))
    assert "holds itself" in refusal(tmp_path, "a: &a [*a]")


@pytest.mark.parametrize("name", ["params.yaml", "params.json"])
def test_deep_nesting_is_refused_and_no_crash(tmp_path, name):
    assert "nested too deeply" in refusal(tmp_path, "[" * 50_000, name)


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("a: [1", "params.yaml", "line 1"),
        ("a: 1\n---\nb: 2", "params.yaml", "another document"),
        ("day: 2024-02-31", "params.yaml", "day"),
        ("a: !foo 1", "params.yaml", "!foo"),
        ('{"a": 1,\n oops}', "params.json", "line 2"),
        (b"a: 1\nb: \xff", "params.yaml", "line 2 is not UTF-8"),
        ("o: !!python/object/apply:collections.OrderedDict [1, 2]", "params.yaml", "[key, value]"),
        ("o: !!python/object/apply:collections.OrderedDict 5", "params.yaml", "[key, value]"),
    ],
)
def test_a_broken_file_is_named_with_the_place(tmp_path, text, name, says):
    assert says in refusal(tmp_path, text, name)


@pytest.mark.parametrize(("text", "name"), [("- 1", "a.yaml"), ("", "a.yaml"), ("[1]", "a.json")])
def test_what_is_no_mapping_holds_no_parameters(tmp_path, text, name):
    assert read(tmp_path, text, name) is None


def test_a_file_that_cannot_be_read_is_the_disk_s_error(tmp_path):
    (tmp_path / "params.json").mkdir()
    with pytest.raises(StorageError):
        read_parameters(str(tmp_path / "params.json"), LocalStorage())
