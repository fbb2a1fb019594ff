"""What the commands of tuning work on: the settings, the store and what is remembered of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parquetry.store import Store
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore


@dataclass(frozen=True, slots=True)
class Opened:
    """The settings, the store in DATA_DIR, and the database in METADATA_DB."""

    config: Config
    store: Store
    metadata: MetadataStore


def read_config(**given: Any) -> Config:
    """Return the settings: what was given on the command line, else the environment's."""
    from parquetry.tuning.config import Config

    return Config(**{name: value for name, value in given.items() if value is not None})


def open_store(config: Config, *, create: bool = False) -> Store:
    """Return the store in DATA_DIR.

    Raises:
        NotFoundError: There is none, and none was to be made.
    """
    from parquetry.errors import NotFoundError
    from parquetry.store import Store

    if not create and not os.path.isdir(config.data_dir):
        raise NotFoundError(
            f"There is no folder {config.data_dir!r} here, where the datasets should be. Make one with "
            "`parquetry generate` or `parquetry load-dataset`, or set DATA_DIR to where they are.",
            path=config.data_dir,
        )
    return Store(config.data_dir)


def open_tuning(table: str, **given: Any) -> Opened:
    """Return settings, store and database, for a dataset that is there.

    Raises:
        NotFoundError: There is no such dataset.
    """
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.workloads.domain import table_schema

    config = tuned_config(read_config(**given))
    store = open_store(config)
    table_schema(store, table)
    return Opened(config, store, MetadataStore(config))


def open_metadata() -> MetadataStore:
    """Return the database that is there already.

    Raises:
        NotFoundError: There is none.
    """
    from parquetry.errors import NotFoundError
    from parquetry.tuning.metadata.store import MetadataStore

    config = tuned_config(read_config())
    place = config.metadata_db
    if "://" not in place and not os.path.exists(place):
        raise NotFoundError(
            f"There is no metadata database {place!r} here. Nothing was changed. Set METADATA_DB to "
            "where it is, or DATA_DIR to a store that is tuned.",
            path=place,
        )
    return MetadataStore(config)


def tuned_config(config: Config) -> Config:
    """Return the settings with the database that a store was tuned with, unless one was named."""
    from parquetry.tuning.switching import read_switch

    if "metadata_db" in config.model_fields_set or not os.path.isdir(config.data_dir):
        return config
    switch = read_switch(os.path.abspath(config.data_dir))
    if switch is None:
        return config
    tuned = switch.config(os.path.abspath(config.data_dir))
    return config.model_copy(update={"metadata_db": tuned.metadata_db})
