"""Many files of one shape spliced together: one walk through all footers, and all new ones at once.

The result is byte for byte that of a `Splicer`, file by file; what a walk does not know is left to it.
"""
