"""Never run: type checkers read it, to see the public names as a typed program uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry import Store, attach_grid_id, write_event_rows

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from parquetry import Dataset


def use(store: Store, frame: pl.DataFrame) -> int:
    """Use each of the main calls with the types that the documentation promises."""
    dataset: Dataset = store.dataset("events")
    version: int = dataset.append(frame, partition_by=["product"]).version
    lazy: pl.LazyFrame = dataset.scan()
    schema: pa.Schema = dataset.schema
    answer: pl.DataFrame = store.sql("select 1").pl()
    params: dict[str, object] = attach_grid_id({"gamma": 0.5})
    written: int = write_event_rows([{"seed": 1}], "results", params).units_written
    undone = dataset.restore(version)
    return (
        written
        + answer.height
        + len(schema)
        + len(lazy.columns)
        + (undone.version if undone else 0)
    )
