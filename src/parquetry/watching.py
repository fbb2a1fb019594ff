"""Who watches the questions to a store: nobody, unless tuning is switched on there."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from parquetry.access.observing import NOBODY
from parquetry.commits.home import STATE_FOLDER

if TYPE_CHECKING:
    from parquetry.access.observing import Watch

TUNING_FILE = "tuning.json"
"""The file in the state folder of a store that says that it is tuned, and how."""

_Stamp = tuple[int, int, int]
_known: dict[str, tuple[_Stamp, Watch]] = {}
_guard = threading.Lock()


def find_watch(store: str) -> Watch:
    """Return who watches a store; all handles of one process share them.

    **Cost:** one `stat` where tuning is off, and nothing of it is imported.
    """
    try:
        facts = os.stat(f"{store}/{STATE_FOLDER}/{TUNING_FILE}")
    except OSError:
        return NOBODY
    stamp = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
    known = _known.get(store)
    if known is not None and known[0] == stamp:
        return known[1]
    from parquetry.tuning.switching import watch_store

    with _guard:
        known = _known.get(store)
        if known is None or known[0] != stamp:
            known = _known[store] = (stamp, watch_store(store))
    return known[1]
