"""How numbers are said to people."""


def count_text(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`, `12,000 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
