"""`ParquetCRUD` on a folder of order book data: every example of its users' guide, and its workflows."""

from __future__ import annotations

import inspect
from pathlib import Path

import polars as pl
import pytest

from operations.folders import Folder, level2
from parquetry.crud import ParquetCRUD
from parquetry.errors import LayoutError, ParameterError

RESULT = {
    "rows_deleted",
    "rows_inserted",
    "rows_updated",
    "files_before",
    "files_after",
    "bytes_before",
    "bytes_after",
    "num_partitions",
    "errors",
    "files_rewritten",
    "rows_scanned",
    "dry_run",
    "version",
    "backup",
}


@pytest.fixture(params=["ours", "foreign", "path only"])
def folder(request, tmp_path) -> Folder:
    """The same rows as parquetry writes them, as others do, and with the keys in the path only."""
    made = Folder(tmp_path)
    frame = level2().with_columns(side_normalized=pl.lit(None, pl.String), mid_price=100.0)
    if request.param == "ours":
        made.append(frame, "product_id", "date")
        return made
    for (product, day), part in frame.partition_by("product_id", "date", as_dict=True).items():
        kept = part.drop("product_id", "date") if request.param == "path only" else part
        made.put(f"product_id={product}/date={day}/a.parquet", kept.head(5))
        made.put(f"product_id={product}/date={day}/b.parquet", kept.tail(5))
    return made


@pytest.fixture
def crud(folder, tmp_path) -> ParquetCRUD:
    return ParquetCRUD(dataset_dir=str(folder.root), backup_dir=str(tmp_path / "backups"))


def rows(folder: Folder) -> pl.DataFrame:
    """All rows, with the keys of the path where the files lack them."""
    found = folder.frame(hive="product_id" not in folder.table(folder.files()[0]).column_names)
    return found.sort("sequence_num").with_columns(pl.col("date").cast(pl.String))


def test_the_signatures_are_those_of_the_guide():
    def names(call) -> list[tuple[str, object]]:
        return [
            (p.name, p.default)
            for p in inspect.signature(call).parameters.values()
            if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD
        ]

    empty = inspect.Parameter.empty
    ending = [("dry_run", False), ("create_backup", True)]
    assert names(ParquetCRUD) == [
        ("dataset_dir", empty),
        ("compression", "zstd"),
        ("backup_dir", None),
    ]
    assert names(ParquetCRUD.delete) == [
        ("filter_expr", empty),
        ("partition_filter", None),
        *ending,
    ]
    assert names(ParquetCRUD.update) == [
        ("filter_expr", empty),
        ("update_expr", empty),
        ("partition_filter", None),
        *ending,
    ]
    assert names(ParquetCRUD.upsert) == [
        ("new_data", empty),
        ("key_cols", empty),
        ("partition_cols", empty),
        ("update_cols", None),
        *ending,
    ]


def test_delete_specific_rows(folder, crud):
    before = rows(folder)
    stats = crud.delete(
        filter_expr=(pl.col("product_id") == "BTC-USD") & (pl.col("date") == "2025-11-26"),
        partition_filter={"product_id": "BTC-USD", "date": "2025-11-26"},
        dry_run=False,
        create_backup=True,
    )
    assert set(stats) == RESULT
    assert stats["rows_deleted"] == 10
    assert stats["errors"] == 0
    assert stats["num_partitions"] == 1
    assert stats["rows_scanned"] == 0
    gone = (pl.col("product_id") == "BTC-USD") & (pl.col("date") == "2025-11-26")
    assert rows(folder).equals(before.filter(~gone).select(rows(folder).columns))


def test_update_a_literal_value_and_with_expressions(folder, crud):
    stats = crud.update(
        filter_expr=pl.col("side") == "offer",
        update_expr={"side_normalized": "ask"},
        partition_filter={"product_id": "BTC-USD"},
        dry_run=False,
        create_backup=True,
    )
    found = rows(folder).filter(pl.col("side_normalized") == "ask")
    assert stats["rows_updated"] == len(found) == 6
    assert set(found["product_id"]) == {"BTC-USD"}
    stats = crud.update(
        filter_expr=pl.col("spread").is_null(),
        update_expr={
            "spread": pl.col("best_ask") - pl.col("best_bid"),
            "spread_bps": ((pl.col("best_ask") - pl.col("best_bid")) / pl.col("mid_price")) * 10000,
        },
        partition_filter={"date": "2025-11-25"},
    )
    assert stats["rows_updated"] == 10
    found = rows(folder).filter(pl.col("sequence_num") % 4 == 0)
    assert found["spread"].to_list() == (found["best_ask"] - found["best_bid"]).to_list()
    assert found["spread_bps"].to_list() == (found["spread"] / 100.0 * 10000).to_list()


def test_upsert_corrected_and_new_rows(folder, crud):
    new_trades = pl.DataFrame(
        {
            "product_id": ["BTC-USD", "BTC-USD"],
            "trade_id": ["2", "99999"],
            "best_bid": [50000.0, 50100.0],
            "best_ask": [1.5, 2.0],
            "date": ["2025-11-26", "2025-11-26"],
        }
    )
    stats = crud.upsert(
        new_data=new_trades,
        key_cols=["product_id", "trade_id"],
        partition_cols=["product_id", "date"],
        update_cols=["best_bid", "best_ask"],
        dry_run=False,
        create_backup=True,
    )
    assert (stats["rows_inserted"], stats["rows_updated"]) == (1, 1)
    found = rows(folder).filter(pl.col("best_bid") >= 50000).sort("trade_id")
    assert found.select("trade_id", "best_ask", "side").rows() == [
        ("2", 1.5, None),
        ("99999", 2.0, None),
    ]


def test_a_dry_run_first(folder, crud):
    before = folder.snapshot()
    dry = crud.delete(filter_expr=pl.col("spread_bps") > 500, dry_run=True)
    assert folder.snapshot() == before
    assert not list(folder.store.glob("backups/*"))
    wet = crud.delete(filter_expr=pl.col("spread_bps") > 500, dry_run=False)
    told = ("dry_run", "version", "backup", "bytes_after")
    assert {k: v for k, v in dry.items() if k not in told} == {
        k: v for k, v in wet.items() if k not in told
    }


def test_pruning_makes_the_filter_alone_as_fast_as_with_a_partition_filter(folder, crud):
    alone = crud.delete(filter_expr=pl.col("product_id") == "BTC-USD", dry_run=True)
    both = crud.delete(
        filter_expr=pl.col("product_id") == "BTC-USD",
        partition_filter={"product_id": "BTC-USD"},
        dry_run=True,
    )
    assert alone == both
    assert alone["rows_scanned"] == 0
    products = ["BTC-USD", "ETH-USD"]
    many = crud.delete(filter_expr=pl.col("product_id").is_in(products), dry_run=True)
    assert (many["rows_deleted"], many["rows_scanned"]) == (40, 0)


def test_row_counts_before_and_after(folder, crud):
    def count() -> int:
        return pl.scan_parquet(folder.root / "**/*.parquet").select(pl.len()).collect().item()

    count_before = count()
    stats = crud.delete(filter_expr=pl.col("side").is_null())
    assert count() == count_before - stats["rows_deleted"]


def test_data_quality_workflow(folder, crud):
    crud.delete(
        filter_expr=pl.col("spread_bps") > 500,
        partition_filter={"product_id": "BTC-USD"},
        create_backup=True,
    )
    crud.update(
        filter_expr=pl.col("side") == "offer",
        update_expr={"side_normalized": "ask"},
        partition_filter={"product_id": "BTC-USD"},
    )
    stats = crud.update(
        filter_expr=pl.col("spread").is_not_null(),
        update_expr={"spread": pl.col("best_ask") - pl.col("best_bid")},
    )
    found = rows(folder)
    assert found.filter(
        (pl.col("product_id") == "BTC-USD") & (pl.col("spread_bps") > 500)
    ).is_empty()
    known = found.filter(pl.col("spread").is_not_null())
    assert known["spread"].to_list() == (known["best_ask"] - known["best_bid"]).to_list()
    assert stats["rows_updated"] == 0, "they are those values already"
    assert len(found) == 40 - 7


def test_deduplication_workflow(folder, crud):
    doubled = folder.files()[0]
    again = folder.root / Path(doubled).parent / "again.parquet"
    again.write_bytes((folder.root / doubled).read_bytes())
    df = pl.scan_parquet(folder.root / "**/*.parquet", hive_partitioning=True)
    duplicates = df.group_by(["product_id", "trade_id"]).agg(pl.len().alias("count"))
    count = len(duplicates.filter(pl.col("count") > 1).collect())
    assert count > 0
    df_deduped = df.unique(subset=["product_id", "trade_id"], keep="first").collect()
    if "date" in folder.table(doubled).column_names:
        df_deduped = df_deduped.with_columns(pl.col("date").cast(pl.String))
    stats = crud.upsert(
        new_data=df_deduped,
        key_cols=["product_id", "trade_id"],
        partition_cols=["product_id", "date"],
        create_backup=True,
    )
    assert (stats["rows_deleted"], stats["rows_updated"], stats["rows_inserted"]) == (count, 0, 0)
    assert len(rows(folder)) == 40
    assert rows(folder).select("product_id", "trade_id").is_unique().all()


def test_incremental_load_workflow(folder, crud, tmp_path):
    rows(folder).tail(3).with_columns(
        pl.col("sequence_num") + 2, best_bid=0.25, best_ask=0.5, side=pl.lit("ignored")
    ).write_parquet(tmp_path / "external_data.parquet")
    new_data = pl.read_parquet(tmp_path / "external_data.parquet")
    for inserted, updated in ((2, 1), (0, 0)):
        stats = crud.upsert(
            new_data=new_data,
            key_cols=["product_id", "sequence_num"],
            partition_cols=["product_id", "date"],
            update_cols=["best_bid", "best_ask"],
        )
        assert (stats["rows_inserted"], stats["rows_updated"]) == (inserted, updated)
    found = rows(folder).tail(3)
    assert found["best_bid"].to_list() == [0.25] * 3
    assert found["side"].to_list() == ["bid", "ignored", "ignored"]


def test_the_codec_is_that_of_the_constructor(folder):
    import pyarrow.parquet as pq

    ParquetCRUD(folder.root, compression="snappy").delete(pl.col("sequence_num") == 0)
    codecs = {
        pq.read_metadata(folder.root / path).row_group(0).column(2).compression
        for path in folder.files()
        if path.split("/")[-1].startswith("part-")
    }
    assert "SNAPPY" in codecs
    with pytest.raises(ParameterError, match="compression"):
        ParquetCRUD(folder.root, compression="middle-out").delete(pl.col("sequence_num") == 2)


def test_partition_columns_that_are_not_those_of_the_dataset_are_refused(crud):
    with pytest.raises(LayoutError, match="partitioned by"):
        crud.upsert(level2(2), ["trade_id"], ["date"])
