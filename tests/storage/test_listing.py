"""A walk sees what is there now, touches only what can matter, and refuses what is ambiguous."""

from __future__ import annotations

import os
import time

import pytest

from parquetry.errors import LayoutError, NotFoundError
from parquetry.model.partitions import PartitionFilter
from parquetry.storage.listing import Tree, is_data_file
from parquetry.storage.local import LocalStorage


class Counting(LocalStorage):
    """Counts the folders that are read and looked at."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        self.looked: list[str] = []

    def list_folder(self, path):
        self.listed.append(path)
        return super().list_folder(path)

    def stat(self, path):
        self.looked.append(path)
        return super().stat(path)


@pytest.fixture
def root(tmp_path):
    for a in "xyz":
        for b in range(2):
            folder = tmp_path / "data" / f"a={a}" / f"b={b}"
            folder.mkdir(parents=True)
            (folder / "data.parquet").touch()
    age(tmp_path)
    return tmp_path / "data"


def age(folder) -> None:
    """Make everything old enough for its time stamp to be believed."""
    for path, _, _ in os.walk(folder):
        os.utime(path, (1_600_000_000, 1_600_000_000))


def names(tree: Tree, where: PartitionFilter | None = None) -> list[str]:
    return sorted(os.path.relpath(path, tree.root) for path in tree.files(where))


def test_all_files_are_found(root):
    assert len(names(Tree(str(root), LocalStorage()))) == 6


def test_only_folders_that_can_matter_are_read(root):
    storage = Counting()
    tree = Tree(str(root), storage)
    where = PartitionFilter(exact={"a": frozenset(["y"])}, tests={"b": (lambda t: t == "1",)})
    assert names(tree, where) == ["a=y/b=1/data.parquet"]
    assert len(storage.listed) == 3


def test_an_unchanged_folder_is_not_read_again(root):
    storage = Counting()
    tree = Tree(str(root), storage)
    before = names(tree)
    storage.listed.clear()
    assert names(tree) == before
    assert storage.listed == []


def test_a_file_that_comes_or_goes_is_seen(root):
    tree = Tree(str(root), LocalStorage())
    before = names(tree)
    (root / "a=x" / "b=0" / "more.parquet").touch()
    assert set(names(tree)) - set(before) == {"a=x/b=0/more.parquet"}
    os.unlink(root / "a=x" / "b=0" / "more.parquet")
    assert names(tree) == before


def test_a_folder_that_has_just_changed_is_never_believed(root):
    storage = Counting()
    tree = Tree(str(root), storage)
    folder = root / "a=x" / "b=0"
    now = time.time_ns()
    os.utime(folder, ns=(now, now))
    tree.files()
    (folder / "more.parquet").touch()
    os.utime(folder, ns=(now, now))  # as if both changes fell into one tick of the clock
    assert "a=x/b=0/more.parquet" in names(tree)


def test_two_names_of_one_value_are_both_read(root):
    folder = root / "a=%78" / "b=0"
    folder.mkdir(parents=True)
    (folder / "other.parquet").touch()
    tree = Tree(str(root), LocalStorage())
    where = PartitionFilter(exact={"a": frozenset(["x"])})
    assert set(names(tree, where)) == {
        "a=x/b=0/data.parquet",
        "a=x/b=1/data.parquet",
        "a=%78/b=0/other.parquet",
    }


@pytest.mark.parametrize(
    "name",
    ["_x.parquet", ".x.parquet", "._x.parquet", "_SUCCESS", "x.crc", "x.txt", "x.parquet.tmp"],
)
def test_what_is_no_data_is_ignored(root, name):
    (root / "a=x" / "b=0" / name).touch()
    assert len(names(Tree(str(root), LocalStorage()))) == 6
    assert not is_data_file(name)


@pytest.mark.parametrize("folder", ["_temporary", ".hidden", "notes"])
def test_a_folder_without_data_is_no_matter(root, folder):
    (root / folder / "deep").mkdir(parents=True)
    assert len(names(Tree(str(root), LocalStorage()))) == 6


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("notes/x.parquet", "not of the form key=value"),
        ("x.parquet", "partitioned in two ways"),
        ("a=x/x.parquet", "partitioned in two ways"),
        ("a=x/c=1/x.parquet", "partitioned in two ways"),
        ("A=x/b=1/x.parquet", "partitioned in two ways"),
        ("a=x/b=1/a=2/x.parquet", "repeats"),
    ],
)
def test_data_in_an_ambiguous_place_is_refused_by_path(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).touch()
    with pytest.raises(LayoutError, match=text) as caught:
        Tree(str(root), LocalStorage()).files()
    assert "x.parquet" in str(caught.value)


def test_links_to_folders_are_not_followed_and_links_to_files_are_data(root, tmp_path):
    (tmp_path / "elsewhere.parquet").touch()
    os.symlink(root, root / "a=loop")
    os.symlink(tmp_path / "elsewhere.parquet", root / "a=x" / "b=0" / "linked.parquet")
    found = names(Tree(str(root), LocalStorage()))
    assert len(found) == 7
    assert "a=x/b=0/linked.parquet" in found


def test_a_dataset_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        Tree(str(tmp_path / "absent"), LocalStorage()).files()
