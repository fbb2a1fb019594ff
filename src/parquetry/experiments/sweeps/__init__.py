"""Sweeps: parameter sets times seeds, worked off by many processes that share nothing but a disk."""

from __future__ import annotations

from parquetry.experiments.sweeps.claim import Claim
from parquetry.experiments.sweeps.failures import Failure
from parquetry.experiments.sweeps.places import find_sweeps
from parquetry.experiments.sweeps.status import GridStatus, SweepStatus
from parquetry.experiments.sweeps.sweep import Sweep
from parquetry.experiments.sweeps.unit import Unit

__all__ = ["Claim", "Failure", "GridStatus", "Sweep", "SweepStatus", "Unit", "find_sweeps"]
