"""Disks that fail on demand."""
