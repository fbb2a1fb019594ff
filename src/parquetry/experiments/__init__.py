"""Experiments: runs whose parameters are their address, events and seeds as Parquet, SQL views.

A parameter set is canonicalized, hashed and thereby named: the same parameters always lead to the
same folder, on any machine and in any run, and other parameters to another one.
"""
