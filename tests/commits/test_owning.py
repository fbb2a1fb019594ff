"""A folder of one's own is never swept while its owner lives."""

from __future__ import annotations

import os
from contextlib import contextmanager

from parquetry.commits.owning import OWNER, abandoned, owned_folder, remove_abandoned
from parquetry.storage.local import LocalStorage

DISK = LocalStorage()


class Swept(LocalStorage):
    """A disk on which somebody sweeps just before a fresh lock file is locked for the first time."""

    def __init__(self) -> None:
        self.swept = 0

    @contextmanager
    def lock(self, path, *, shared=False, wait=True):
        if not self.swept:
            self.swept += 1
            with open(path, "w"):
                pass
            remove_abandoned(DISK, os.path.dirname(path))
            assert not os.path.exists(os.path.dirname(path))
            os.mkdir(os.path.dirname(path))  # what stands there now is not what was made
            os.rmdir(os.path.dirname(path))
            yield_from = DISK.lock(f"{os.path.dirname(os.path.dirname(path))}/elsewhere")
        else:
            yield_from = DISK.lock(path, shared=shared, wait=wait)
        with yield_from as held:
            yield held


def test_a_folder_that_was_swept_before_it_was_held_is_made_anew(tmp_path):
    storage = Swept()
    with owned_folder(storage, str(tmp_path)) as folder:
        assert storage.swept == 1
        assert os.path.exists(f"{folder}/{OWNER}")
        assert abandoned(DISK, str(tmp_path)) == []
        remove_abandoned(DISK, folder)
        assert os.path.exists(folder)
    assert abandoned(DISK, str(tmp_path)) == [folder]
    remove_abandoned(DISK, folder)
    assert not os.path.exists(folder)
