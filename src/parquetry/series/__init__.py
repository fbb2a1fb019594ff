"""Time x scenario series for simulation workers: lazy by default, in memory when that pays.

`structures`, `lazy`, `materialized` and `mapped` are the kinds of data; `database` holds a study's data
and `scenarios` maps its Monte-Carlo scenarios. `reader`, `source` and `tiles` read Parquet by block and
keep what was decoded within a budget. `session` solves block by block on any executor.
"""

from parquetry.errors import SeriesIndexError
from parquetry.series.blocks import Block, ResolutionConfig
from parquetry.series.converting import (
    ConvertedSeries,
    ConvertReport,
    convert_series,
    write_series,
)
from parquetry.series.database import ComponentParameterIndex, DataBase
from parquetry.series.facts import SeriesInfo, check_series, series_info
from parquetry.series.finding import StaleSeriesWarning, find_series, open_series
from parquetry.series.findings import Finding
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.mapped import MappedTimeScenarioSeriesData, MappedTimeSeriesData
from parquetry.series.materialized import (
    MaterializedTimeScenarioSeriesData,
    MaterializedTimeSeriesData,
)
from parquetry.series.progress import Progress
from parquetry.series.results import scan_results
from parquetry.series.scenarios import ScenarioBuilder
from parquetry.series.session import SessionReport, SimulationSession
from parquetry.series.strategies import MaterializationStrategy
from parquetry.series.structures import (
    AbstractDataStructure,
    ConstantData,
    ScenarioSeriesData,
    TimeScenarioSeriesData,
    TimeSeriesData,
)
from parquetry.series.study import Study, TimeScope
from parquetry.series.tiles import CacheInfo, cache_info, set_cache_budget
from parquetry.series.work import BlockValues, Solve

__all__ = [
    "AbstractDataStructure",
    "Block",
    "BlockValues",
    "CacheInfo",
    "ComponentParameterIndex",
    "ConstantData",
    "ConvertReport",
    "ConvertedSeries",
    "DataBase",
    "Finding",
    "LazyScenarioSeriesData",
    "LazyTimeScenarioSeriesData",
    "LazyTimeSeriesData",
    "MappedTimeScenarioSeriesData",
    "MappedTimeSeriesData",
    "MaterializationStrategy",
    "MaterializedTimeScenarioSeriesData",
    "MaterializedTimeSeriesData",
    "Progress",
    "ResolutionConfig",
    "ScenarioBuilder",
    "ScenarioSeriesData",
    "SeriesIndexError",
    "SeriesInfo",
    "SessionReport",
    "SimulationSession",
    "Solve",
    "StaleSeriesWarning",
    "Study",
    "TimeScenarioSeriesData",
    "TimeScope",
    "TimeSeriesData",
    "cache_info",
    "check_series",
    "convert_series",
    "find_series",
    "open_series",
    "scan_results",
    "series_info",
    "set_cache_budget",
    "write_series",
]
