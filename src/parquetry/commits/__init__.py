"""How a change becomes true: staged aside, recorded, and exchanged in one step.

`staging` holds what is being written, `committing` makes a change true, `finishing` completes it and
is also the recovery after a crash, `log` keeps the records, `placing` adds a single file without a
lock. `history`, `vacuum` and `checking` look back.
"""
