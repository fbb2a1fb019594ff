"""Plain folders of Parquet files, written safely, queried at once, reshaped without loss."""

from __future__ import annotations

__version__ = "0.1.0"
