"""Where a row stands in a layout, as SQL expressions over the row.

The sample that prices a layout and the files that are written in it are ordered by the same
expressions, so that what was predicted is what is written.
"""
