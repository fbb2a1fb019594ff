"""One job of the workflow: `python -m parquetry.experiments.conversion.grid_job MANIFEST`."""

from __future__ import annotations

import os
import sys

from parquetry.errors import ParquetryError
from parquetry.experiments.conversion.converting_grid import convert_grid
from parquetry.experiments.conversion.outcomes import FOLDER_VARIABLE, write_outcome
from parquetry.experiments.conversion.targets import read_manifest
from parquetry.storage.local import LocalStorage

BAD_FILES = 1
FAILED = 2


def main(manifest: str) -> int:
    """Convert the grid of a manifest and return the process's exit code.

    It is not 0 if a CSV is bad: then the workflow leaves the grid unfinished, and looks at it again
    the next time. The good ones are converted all the same.

    Args:
        manifest: The path of the manifest.
    """
    storage = LocalStorage()
    try:
        target, grid = read_manifest(manifest, storage)
        outcome = convert_grid(grid, target, storage)
    except ParquetryError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        write_outcome(folder, grid.grid_id, outcome, storage)
    for bad in outcome.bad:
        sys.stderr.write(f"{bad.path}: {bad.reason}\n")
    return BAD_FILES if outcome.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
