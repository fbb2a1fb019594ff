"""Plain folders of Parquet files, written safely, queried at once, reshaped without loss.

```python
from parquetry import Store

store = Store("results")
store.dataset("events").append([{"name": "a", "value": 1.5}])
store.sql("select avg(value) from events").fetchone()
```

The names below are loaded when they are first used, so that importing this package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.lazy import lazy_names
from parquetry.version import __version__ as __version__

if TYPE_CHECKING:
    from parquetry.crud import ParquetCRUD
    from parquetry.dataset import Dataset
    from parquetry.errors import (
        AlreadyExistsError,
        ConflictError,
        CorruptionError,
        ExecutorError,
        FormatVersionError,
        KeyViolationError,
        LayoutError,
        MissingDependencyError,
        NotFoundError,
        ParameterError,
        ParquetryError,
        RequestError,
        SchemaMismatchError,
        SeriesIndexError,
        StorageError,
        UnknownColumnError,
    )
    from parquetry.experiments import (
        Sweep,
        attach_grid_id,
        canonicalize_params,
        convert,
        create_connection_and_views,
        grid_hash,
        query_events,
        query_seeds,
        rollup,
        write_event_rows,
        write_seed_rows,
    )
    from parquetry.operations.compactor import ParquetCompactor
    from parquetry.operations.repartitioner import Repartitioner
    from parquetry.store import Store


_HOMES = {
    "parquetry.crud": ("ParquetCRUD",),
    "parquetry.dataset": ("Dataset",),
    "parquetry.errors": (
        "AlreadyExistsError",
        "ConflictError",
        "CorruptionError",
        "ExecutorError",
        "FormatVersionError",
        "KeyViolationError",
        "LayoutError",
        "MissingDependencyError",
        "NotFoundError",
        "ParameterError",
        "ParquetryError",
        "RequestError",
        "SchemaMismatchError",
        "SeriesIndexError",
        "StorageError",
        "UnknownColumnError",
    ),
    "parquetry.experiments": (
        "Sweep",
        "attach_grid_id",
        "canonicalize_params",
        "convert",
        "create_connection_and_views",
        "grid_hash",
        "query_events",
        "query_seeds",
        "rollup",
        "write_event_rows",
        "write_seed_rows",
    ),
    "parquetry.operations.compactor": ("ParquetCompactor",),
    "parquetry.operations.repartitioner": ("Repartitioner",),
    "parquetry.store": ("Store",),
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "AlreadyExistsError",
    "ConflictError",
    "CorruptionError",
    "Dataset",
    "ExecutorError",
    "FormatVersionError",
    "KeyViolationError",
    "LayoutError",
    "MissingDependencyError",
    "NotFoundError",
    "ParameterError",
    "ParquetCRUD",
    "ParquetCompactor",
    "ParquetryError",
    "Repartitioner",
    "RequestError",
    "SchemaMismatchError",
    "SeriesIndexError",
    "StorageError",
    "Store",
    "Sweep",
    "UnknownColumnError",
    "attach_grid_id",
    "canonicalize_params",
    "convert",
    "create_connection_and_views",
    "grid_hash",
    "query_events",
    "query_seeds",
    "rollup",
    "write_event_rows",
    "write_seed_rows",
]
