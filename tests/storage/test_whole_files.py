"""Files that are written and read in one go, by whatever calls a system has."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest

from parquetry.errors import AlreadyExistsError, CorruptionError, NotFoundError, StorageError
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()
CONTENT = bytes(range(256)) * 40


@pytest.fixture(params=["pread", "seeking", "a few bytes at a time"])
def system(request, monkeypatch):
    """Systems: one with `pread`, one without, and one that takes and gives less than it is asked to."""
    if request.param == "seeking":
        monkeypatch.delattr(os, "pread")
    if request.param == "a few bytes at a time":
        write, read, pread = os.write, os.read, os.pread
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:1000]))
        monkeypatch.setattr(os, "read", lambda fd, most: read(fd, min(most, 999)))
        monkeypatch.setattr(os, "pread", lambda fd, most, at: pread(fd, min(most, 999), at))


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(
    "content", [b"", b"x", CONTENT, memoryview(CONTENT), pa.py_buffer(CONTENT)]
)
def test_a_file_is_written_and_read_whole(tmp_path, content):
    given = memoryview(content) if isinstance(content, pa.Buffer) else content
    DISK.write_new(f"{tmp_path}/x", given, read_back=True)
    assert DISK.read_bytes(f"{tmp_path}/x") == bytes(given)


def test_what_is_there_is_never_replaced(tmp_path):
    DISK.write_new(f"{tmp_path}/x", b"old")
    with pytest.raises(AlreadyExistsError, match=r"Could not create .*/x: it exists already"):
        DISK.write_new(f"{tmp_path}/x", b"new")
    assert DISK.read_bytes(f"{tmp_path}/x") == b"old"
    with pytest.raises(NotFoundError):
        DISK.write_new(f"{tmp_path}/absent/x", b"new")


@pytest.mark.parametrize("spoiled", [CONTENT[:-1] + b"?", CONTENT[:-1], b""])
def test_a_disk_that_gives_back_other_bytes_is_found_out(tmp_path, monkeypatch, spoiled):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: (write(fd, spoiled) and 0) or len(data))
    with pytest.raises(CorruptionError, match="does not hold what was just written to it"):
        DISK.write_new(f"{tmp_path}/x", CONTENT, read_back=True)


def test_a_full_disk_is_said_to_be_one(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match=r"Could not write to .*/x: No space left.* Free some"):
        DISK.write_new(f"{tmp_path}/x", CONTENT)
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened


def test_a_folder_is_no_file_to_read(tmp_path):
    with pytest.raises(StorageError, match="Could not read"):
        DISK.read_bytes(str(tmp_path))
