"""The commands of tuning, under `parquetry` and as `dbopt`. One file a command."""
