"""The tables of the benchmark: sales of TPC-H in one wide table, and taxi trips.

    python benchmarks/tuning/data.py FOLDER [sales|trips] [rows in millions]

`sales` is lineitem of tpchgen-cli with the columns of its order, customer, nation and part beside it, in
the order in which tpchgen-cli makes it. Scale factor 1 has six million rows.

`trips` are the yellow-taxi trips of `../shared/data/taxi`, which are 10,000 of every month of 2019. They
are drawn again and again until there are enough rows; each copy starts up to three days earlier or
later, its distance and fare change by up to a tenth, and rows stand in the order of the time at which
they were entered, up to a day after the trip. So the distributions are real, the rows are not.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

ROW_GROUP_ROWS = 61_440
ROWS_A_FILE = 16 * ROW_GROUP_ROWS
TAXI = Path(__file__).resolve().parents[3] / "shared" / "data" / "taxi"

SALES = """
SELECT l_orderkey::BIGINT AS order_id, o_orderdate AS ordered, l_shipdate AS shipped,
       l_receiptdate AS received, l_shipmode AS mode, l_quantity::DECIMAL(12, 2) AS quantity,
       l_extendedprice::DECIMAL(12, 2) AS price, l_discount::DECIMAL(4, 2) AS discount,
       l_returnflag AS flag, o_orderpriority AS priority, c_custkey::BIGINT AS customer,
       c_mktsegment AS segment, n_name AS nation, p_partkey::BIGINT AS part, p_brand AS brand,
       p_container AS container, p_size::INTEGER AS size
FROM '{0}/lineitem.parquet' AS l
JOIN '{0}/orders.parquet' AS o ON l_orderkey = o_orderkey
JOIN '{0}/customer.parquet' AS c ON o_custkey = c_custkey
JOIN '{0}/nation.parquet' AS n ON c_nationkey = n_nationkey
JOIN '{0}/part.parquet' AS p ON l_partkey = p_partkey
ORDER BY l_orderkey, l_linenumber
"""

TRIPS = """
WITH real AS (
    SELECT pickup_datetime::TIMESTAMP AS "at", dropoff_datetime::TIMESTAMP AS until,
           passenger_count::INTEGER AS passengers, trip_distance::DOUBLE AS distance,
           pickup_location_id::INTEGER AS pickup_zone, dropoff_location_id::INTEGER AS dropoff_zone,
           payment_type::INTEGER AS payment, fare_amount::DOUBLE AS fare, tip_amount::DOUBLE AS tip
    FROM trips
    WHERE pickup_datetime::TIMESTAMP BETWEEN '2019-01-01' AND '2019-12-31'
), copies AS (
    SELECT real.*, number, hash(number, "at", pickup_zone, dropoff_zone, fare) AS h
    FROM real, range({0}) AS copies(number)
), moved AS (
    SELECT *, ((h % 518400)::BIGINT - 259200) * INTERVAL 1 SECOND AS shift,
           0.9 + 0.2 * ((h // 518400) % 1000) / 1000 AS scale, (h // 518400000) % 86400 AS delay
    FROM copies
)
SELECT "at" + shift AS pickup, until + shift AS dropoff, passengers, pickup_zone, dropoff_zone, payment,
       round(100 * distance * scale)::INTEGER AS distance_cmi,
       round(100 * fare * scale)::INTEGER AS fare_cents,
       round(100 * tip * scale)::INTEGER AS tip_cents, (h % 200000)::INTEGER AS driver
FROM moved
ORDER BY "at" + shift + delay * INTERVAL 1 SECOND, h
"""


def make_sales(folder: Path, millions: float) -> None:
    """Write `sales` as files of the house's size."""
    scale = millions / 6
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as raw:
        tool = Path(sys.executable).parent / "tpchgen-cli"
        tables = "lineitem,orders,customer,nation,part"
        subprocess.run(
            [tool, "parquet", "-s", f"{scale:g}", "--output-dir", raw, f"--tables={tables}"],
            check=True,
            capture_output=True,
        )
        _write(SALES.format(raw), folder)


def make_trips(folder: Path, millions: float) -> None:
    """Write `trips` as files of the house's size."""
    if not TAXI.is_dir():
        sys.exit(f"The taxi data is not at {TAXI}.")
    months = sorted(TAXI.glob("yellow_tripdata_sample_2019-*.csv"))
    trips = pl.concat([pl.read_csv(month, infer_schema=False) for month in months], how="diagonal")
    _write(TRIPS.format(round(millions * 10**6 / len(trips))), folder, trips)


def _write(query: str, folder: Path, trips: pl.DataFrame | None = None) -> None:
    """Write a query's rows in their order."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with duckdb.connect(config={"temp_directory": str(folder.parent / "spill")}) as duck:
        duck.execute("SET TimeZone = 'UTC'")
        if trips is not None:
            duck.register("trips", trips.to_arrow())
        duck.execute(f"CREATE TABLE made AS {query}")
        [(rows,)] = duck.execute("SELECT count(*) FROM made").fetchall()
        for number, start in enumerate(range(0, rows, ROWS_A_FILE)):
            duck.execute(
                f"COPY (SELECT * FROM made WHERE rowid >= {start} AND rowid < {start + ROWS_A_FILE}) "
                f"TO '{folder}/part_{number:03}.parquet' "
                f"(COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
            )
    shutil.rmtree(folder.parent / "spill", ignore_errors=True)


MAKERS = {"sales": make_sales, "trips": make_trips}

if __name__ == "__main__":
    name = sys.argv[2] if len(sys.argv) > 2 else "sales"
    MAKERS[name](Path(sys.argv[1]) / name, float(sys.argv[3]) if len(sys.argv) > 3 else 6)
