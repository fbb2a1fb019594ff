"""Existing CSV sweeps become experiments: find the runs, name them by their parameters, write them.

The way of a CSV through the files here: `discovering` finds it, `parameter_files` and `rules` say
what it was run with, `planning` puts it to its grid, `reading_csv` reads it strictly, `granularity`
makes it events or a summary, and `converting` writes what is new and reports on all of it.
"""
