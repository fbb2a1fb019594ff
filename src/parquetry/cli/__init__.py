"""The command line: parse, call, render. One file a command."""

from __future__ import annotations

from parquetry.cli.entry import main

__all__ = ["main"]
