"""Data to tune on: made up from a seed, loaded from files, or fetched from New York's taxi records."""
