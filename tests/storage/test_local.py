"""Every refusal of the system becomes an error of ours, with what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from parquetry.errors import AlreadyExistsError, NotFoundError, StorageError
from parquetry.storage import exchange as exchanging
from parquetry.storage import local
from parquetry.storage.folders import make_folders, remove_if_empty, remove_tree, walk
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()


def test_two_folders_are_swapped_in_one_step(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    DISK.exchange(str(tmp_path / "a"), str(tmp_path / "b"))
    assert os.listdir(tmp_path / "a") == ["b"]
    assert os.listdir(tmp_path / "b") == ["a"]


def test_a_missing_side_of_an_exchange_is_not_found(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(NotFoundError):
        DISK.exchange(str(tmp_path / "a"), str(tmp_path / "b"))


@pytest.mark.parametrize("has_rename", [True, False], ids=["renameat2", "link"])
def test_a_move_never_replaces(tmp_path, monkeypatch, has_rename):
    if not has_rename:
        monkeypatch.setattr(exchanging, "_rename_function", lambda: None)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(AlreadyExistsError):
        DISK.move(str(tmp_path / "a"), str(tmp_path / "b"))
    DISK.move(str(tmp_path / "a"), str(tmp_path / "c"))
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"b": "b", "c": "a"}


def test_errors_say_what_was_tried_and_keep_the_number(tmp_path):
    with pytest.raises(NotFoundError, match=r"Could not read .*absent: it does not exist"):
        DISK.read_bytes(str(tmp_path / "absent"))
    (tmp_path / "there").touch()
    with pytest.raises(AlreadyExistsError, match="it exists already"):
        DISK.create(str(tmp_path / "there"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(StorageError, match="Could not remove the folder") as caught:
        DISK.remove_folder(str(tmp_path / "full"))
    assert caught.value.errno


def test_a_lock_excludes_threads_and_processes(tmp_path):
    path = str(tmp_path / "lock")
    with DISK.lock(path) as held:
        assert held
        with DISK.lock(path, wait=False) as second:
            assert not second
        with DISK.lock(path, shared=True, wait=False) as third:
            assert not third
    with (
        DISK.lock(path, shared=True) as one,
        DISK.lock(path, shared=True, wait=False) as two,
    ):
        assert one
        assert two


def test_a_lock_dies_with_its_holder(tmp_path):
    path = str(tmp_path / "lock")
    code = (
        "import os, sys\n"
        "from parquetry.storage.local import LocalStorage\n"
        f"held = LocalStorage().lock({path!r})\n"
        "held.__enter__()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    with DISK.lock(path, wait=False) as free:
        assert free


def test_a_shared_lock_needs_a_lock_file_and_makes_none(tmp_path):
    with pytest.raises(NotFoundError), DISK.lock(str(tmp_path / "lock"), shared=True):
        pass
    assert not (tmp_path / "lock").exists()


def test_folders_are_made_from_the_top_and_trees_removed_whole(tmp_path):
    made = make_folders(DISK, str(tmp_path / "a" / "b" / "c"))
    assert [os.path.basename(path) for path in made] == ["a", "b", "c"]
    assert make_folders(DISK, str(tmp_path / "a" / "b")) == []
    (tmp_path / "a" / "b" / "file").touch()
    assert {path for path, _ in walk(DISK, str(tmp_path / "a"))} == {"b", "b/c", "b/file"}
    assert not remove_if_empty(DISK, str(tmp_path / "a"))
    assert remove_if_empty(DISK, str(tmp_path / "a" / "b" / "c"))
    assert remove_if_empty(DISK, str(tmp_path / "absent"))
    remove_tree(DISK, str(tmp_path / "a"))
    remove_tree(DISK, str(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_a_new_folder_has_the_rights_of_another(tmp_path):
    (tmp_path / "like").mkdir(mode=0o750)
    DISK.make_folder(str(tmp_path / "new"), like=str(tmp_path / "like"))
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "like").stat().st_mode


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "Check the owner"),
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "read-only"),
        (errno.EMFILE, "ulimit"),
    ],
)
def test_a_refusal_comes_with_advice(tmp_path, monkeypatch, number, advice):
    def refuse(_path: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(StorageError, match=advice) as caught:
        DISK.make_folder(str(tmp_path / "new"))
    assert (caught.value.errno, caught.value.outcome) == (number, "unchanged")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind")
@pytest.mark.parametrize("size", [5_000, 500_000])
def test_a_disk_that_becomes_full_while_a_file_is_written_is_told_like_every_error(tmp_path, size):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = str(tmp_path / "new")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, before[1]))
    try:
        with (
            pytest.raises(StorageError, match=r"Could not write to .*new"),
            LocalStorage().create(path) as file,
        ):
            file.write(b"x" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("slow_seconds", [-1.0, 1e9], ids=["slow disk", "quick disk"])
def test_each_of_several_paths_is_synced_whatever_the_disk_takes(
    tmp_path, monkeypatch, slow_seconds
):
    paths = [tmp_path / name for name in "abcde"]
    for path in paths:
        path.mkdir()
    synced = []
    monkeypatch.setattr(local, "_SLOW_SECONDS", slow_seconds)
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    DISK.sync_all([])
    assert synced == []
    DISK.sync_all([str(path) for path in paths])
    assert sorted(synced) == sorted(path.stat().st_ino for path in paths)

    def refuse(file):
        if os.fstat(file).st_ino == paths[3].stat().st_ino:
            raise OSError(errno.EIO, "it broke")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="it broke"):
        DISK.sync_all([str(path) for path in paths])


def test_paths_are_synced_where_no_thread_is_to_be_had(tmp_path, monkeypatch):
    class NoThreads(ThreadPoolExecutor):
        def submit(self, *_args, **_kwargs):
            raise RuntimeError("can't start new thread")

    synced = []
    monkeypatch.setattr(local, "_SLOW_SECONDS", -1.0)
    monkeypatch.setattr(local, "ThreadPoolExecutor", NoThreads)
    monkeypatch.setattr(os, "fsync", synced.append)
    DISK.sync_all([str(tmp_path)] * 3)
    assert len(synced) == 3
