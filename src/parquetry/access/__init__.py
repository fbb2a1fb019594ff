"""How a dataset is read: by SQL and as a lazy frame, always fresh, pruned while it is listed.

`source` knows the files and their schemas, `duck` runs SQL over sources, `polars_scan` gives lazy
frames. `conditions` is what both know of a question; `observing` lets others watch and reroute.
"""
