"""One Parquet file at a time: footers, encoding, writing, splicing."""
