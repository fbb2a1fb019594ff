"""Which store is meant, and which database, when tuning is switched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def found_store(store: Path | None) -> str:
    """Return the absolute path of a store that is there: the one that is named, else DATA_DIR.

    Raises:
        NotFoundError: It is not there.
    """
    from parquetry.cli.tuning.opening import open_store, read_config

    return open_store(read_config(data_dir=None if store is None else str(store))).path


def given_database() -> str | None:
    """Return the database that the environment names, None if it names none; a path is made absolute."""
    place = os.environ.get("METADATA_DB") or os.environ.get("PARQUETRY_METADATA_DB")
    if not place:
        return None
    return place if "://" in place else os.path.abspath(place)
