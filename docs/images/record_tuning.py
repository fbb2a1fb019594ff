"""Draw what a log holds as a picture: docs/images/tuning.svg, latency and who answered.

    DATA_DIR=data METADATA_DB=metadata.db python docs/images/record_tuning.py events

What the picture shows is what was logged; nothing is typed in here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from parquetry import Store
from parquetry.reports.tuning_charts import report_charts
from parquetry.reports.tuning_report import make_report
from parquetry.tuning import Config
from parquetry.tuning.metadata.store import MetadataStore

if __name__ == "__main__":
    config = Config()
    dataset = Store(config.data_dir, create=False).dataset(sys.argv[1])
    charts = dict(report_charts(make_report(dataset, MetadataStore(config), config)))
    target = Path(__file__).parent / "tuning.svg"
    target.write_text(charts["Latency over the log"] + "\n", encoding="utf-8")
