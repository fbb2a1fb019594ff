"""Frozen values and pure functions: no module here touches a disk.

`hive` names folders, `schema` and `casting` bring columns together, `partitions` says which folders a
question can concern, `changes` and `records` are what a commit is made of.
"""
