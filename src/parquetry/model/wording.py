"""How numbers and errors are said to people."""

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000
_MANY = 100  # above this, one decimal says nothing


def first_line(said: object) -> str:
    """Return the first line of what an engine said, without its full stop; or its kind."""
    return (str(said).splitlines() or [type(said).__name__])[0].rstrip(".")


def count_text(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`, `12,000 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def bytes_text(size: float) -> str:
    """Return a size with its unit, in powers of 1000."""
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            decimals = 0 if unit == "B" or size >= _MANY else 1
            return f"{size:.{decimals}f} {unit}"
        size /= _STEP
    raise AssertionError
