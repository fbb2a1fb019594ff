"""The command line: parse, call, render. One file a command."""

from __future__ import annotations

from parquetry.cli.entry import dbopt, main

__all__ = ["dbopt", "main"]
