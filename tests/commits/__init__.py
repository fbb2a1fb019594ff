"""A small dataset to commit to, and to look back at."""
