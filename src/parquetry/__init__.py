"""Plain folders of Parquet files, written safely, queried at once, reshaped without loss."""
