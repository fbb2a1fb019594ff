"""Whether a layout is as good as was thought: looked back on, replayed, raced, and watched.

`window` scores what was logged; gate A (`replaying`) compares what plans read, free of noise; gate B
(`racing`) runs both layouts in turns; afterwards a sequential test (`sequential`) watches.
"""
