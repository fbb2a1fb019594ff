"""Time x scenario series for simulation workers: lazy by default, in memory when that pays.

`structures`, `lazy`, `materialized` and `mapped` are the kinds of data; `database` holds a study's data
and `scenarios` maps its Monte-Carlo scenarios. `reader`, `source` and `tiles` read Parquet by block and
keep what was decoded within a budget. `session` solves block by block on any executor.
"""
