"""Space-filling curves as small tables, so that a number on the curve is a few look-ups.

A curve visits the cells of a square (or cube) of `2**bits` cells a side. Which way it goes through a
quarter (or eighth) depends on the state in which it comes there. A table says, for each state and for
the next bits of all coordinates, which number that cell has and in which state the curve goes on.

The Hilbert curve is Hamilton's, "Compact Hilbert Indices" (2006), for any number of dimensions.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from parquetry.model.layouts import Curve

State: TypeAlias = tuple[int, int]
"""The corner at which the curve enters, and the direction in which it leaves."""


STATE_BITS = 4
"""What tells the states of a curve apart: Hilbert has 4 in two dimensions and 12 in three."""


@cache
def curve_table(curve: Curve, dimensions: int, bits: int) -> tuple[int, ...]:
    """Return one step along a curve, several bits of each coordinate at a time.

    The entry at `state << (bits * dimensions) | coordinates`, the bits of the first coordinate
    foremost, is `number << STATE_BITS | state`: the number of that cell among those of the step, and
    the state in which the curve goes on. The first state is 0.
    """
    step = _hilbert_step if curve == "hilbert" else _z_step
    reached: list[State] = [(0, 0)]
    entries: list[int] = []
    for state in reached:  # grows as states are found
        for cell in range(1 << (bits * dimensions)):
            number, at = 0, state
            for level in reversed(range(bits)):
                digit, at = step(_corner(cell, level, dimensions, bits), at, dimensions)
                number = number << dimensions | digit
            if at not in reached:
                reached.append(at)
            entries.append(number << STATE_BITS | reached.index(at))
    return tuple(entries)


def _corner(cell: int, level: int, dimensions: int, bits: int) -> int:
    """Return one bit of each coordinate; that of the first coordinate is the lowest."""
    corner = 0
    for dimension in range(dimensions):
        coordinate = cell >> (bits * (dimensions - 1 - dimension))
        corner |= (coordinate >> level & 1) << dimension
    return corner


def _z_step(corner: int, state: State, dimensions: int) -> tuple[int, State]:
    digit = int(f"{corner:0{dimensions}b}"[::-1], 2)  # the first coordinate foremost
    return digit, state


def _hilbert_step(corner: int, state: State, dimensions: int) -> tuple[int, State]:
    entry, direction = state
    turned = _rotate(corner ^ entry, -(direction + 1), dimensions)
    digit = _gray_rank(turned)
    entry ^= _rotate(_entry(digit), direction + 1, dimensions)
    return digit, (entry, (direction + _direction(digit, dimensions) + 1) % dimensions)


def _rotate(value: int, left: int, width: int) -> int:
    left %= width
    return (value << left | value >> (width - left)) & ((1 << width) - 1)


def _gray(number: int) -> int:
    return number ^ number >> 1


def _gray_rank(gray: int) -> int:
    number = 0
    while gray:
        number ^= gray
        gray >>= 1
    return number


def _entry(digit: int) -> int:
    return 0 if digit == 0 else _gray((digit - 1) // 2 * 2)


def _direction(digit: int, dimensions: int) -> int:
    if digit == 0:
        return 0
    before = digit - 1 if digit % 2 == 0 else digit
    return _trailing_ones(before) % dimensions


def _trailing_ones(number: int) -> int:
    count = 0
    while number & 1:
        number >>= 1
        count += 1
    return count
