"""Switching tuning on and off for a store: one small file in its state folder says that it is on.

While the file is there, every question to the store is logged and may be rerouted, in every process.
"""

from __future__ import annotations

import json
import logging
import os
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parquetry.access.observing import NOBODY, Watch
from parquetry.commits.home import STATE_FOLDER
from parquetry.errors import CorruptionError, FormatVersionError, NotFoundError, ParquetryError
from parquetry.storage.folders import make_folders, write_file
from parquetry.storage.local import LocalStorage
from parquetry.tuning.config import Config
from parquetry.tuning.observing import TunedObserver, TunedRouter
from parquetry.tuning.watchers import make_watchers
from parquetry.watching import TUNING_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.tuning.metadata.store import MetadataStore

_LOG = logging.getLogger("parquetry.tuning")
_FORMAT = 1
METADATA_FILE = "metadata.db"
"""The database of a store's own, in its state folder."""


@dataclass(frozen=True, slots=True)
class Switch:
    """How a store is tuned.

    Args:
        metadata_db: The database: a path, relative to the state folder if it is not absolute, or a URL.
        tables: The datasets that are tuned; None for all.
        settings: What differs from the settings that the environment and `Config` give.
    """

    metadata_db: str = METADATA_FILE
    tables: tuple[str, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def config(self, store: str) -> Config:
        """Return the settings for a store.

        Raises:
            ParameterError: One has a value that is not accepted.
        """
        database = self.metadata_db
        if "://" not in database:
            database = posixpath.join(store, STATE_FOLDER, database)
        return Config(**{**self.settings, "data_dir": store, "metadata_db": database})


def switch_on(store: str, switch: Switch) -> None:
    """Tune a store from now on, in every process.

    Raises:
        ParameterError: A setting has a value that is not accepted. Nothing was changed.
        StorageError: The state folder cannot be written.
    """
    switch.config(store)
    storage = LocalStorage()
    path = _path(store)
    make_folders(storage, posixpath.dirname(path))
    document = {
        "format": _FORMAT,
        "metadata_db": switch.metadata_db,
        "tables": None if switch.tables is None else list(switch.tables),
        "settings": dict(switch.settings),
    }
    draft = f"{path}.{os.getpid()}.draft"
    write_file(storage, draft, json.dumps(document, indent=1).encode())
    storage.rename(draft, path)


def switch_off(store: str) -> bool:
    """Tune a store no longer; what was learnt and laid out stays. Return whether it was on."""
    try:
        LocalStorage().unlink(_path(store))
    except NotFoundError:
        return False
    return True


def read_switch(store: str) -> Switch | None:
    """Return how a store is tuned, or None if it is not.

    Raises:
        FormatVersionError: A newer parquetry switched it on.
        CorruptionError: The file cannot be understood.
    """
    path = _path(store)
    try:
        content = LocalStorage().read_bytes(path)
    except NotFoundError:
        return None
    try:
        document = json.loads(content)
        if int(document["format"]) > _FORMAT:
            raise FormatVersionError(
                f"{path} was written by a newer parquetry. Nothing was changed, and questions are not "
                "logged. Update parquetry, or switch tuning off and on again.",
                path=path,
            )
        tables = document["tables"]
        return Switch(
            str(document["metadata_db"]),
            None if tables is None else tuple(map(str, tables)),
            dict(document["settings"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptionError(
            f"{path}, which says how this store is tuned, cannot be read ({error}). The data is not "
            "touched by this. Switch tuning off and on again.",
            path=path,
        ) from error


def watch_store(store: str) -> Watch:
    """Return who watches the questions to a store that is tuned; it never fails a question."""
    try:
        switch = read_switch(store)
        if switch is None:
            return NOBODY
        config = switch.config(store)
    except ParquetryError as error:
        _LOG.warning("The questions to %s are not logged: %s", store, error)
        return NOBODY
    watchers = make_watchers(config, lambda: _open(config))
    return Watch(
        TunedObserver(watchers.logger, switch.tables),
        TunedRouter(watchers.router, switch.tables),
        config.share_measured,
    )


def _open(config: Config) -> MetadataStore:
    from parquetry.tuning.metadata.store import MetadataStore

    return MetadataStore(config)


def _path(store: str) -> str:
    return f"{store}/{STATE_FOLDER}/{TUNING_FILE}"
