"""The demonstration: a small, honest sweep, asked, broken and found whole."""
