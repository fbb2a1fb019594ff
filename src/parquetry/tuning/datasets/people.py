"""Made-up customers: who is active, and where each lives, told by the number alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

COUNTRIES = ("US", "DE", "GB", "FR", "IN", "BR", "JP", "CA", "NL", "SE", "CH", "NZ")
_COUNTRY_WEIGHTS = np.array([30, 14, 12, 10, 9, 7, 6, 4, 3, 2, 2, 1], dtype=float)
SEGMENTS = ("consumer", "business", "enterprise")
_SEGMENT_WEIGHTS = np.array([80, 17, 3], dtype=float)
_FLATTENED = 20.0  # the first so many ranks are about equally popular
_STRIDE = 7_368_787  # a prime: ranks times it, modulo a smaller count, meet every number once


def skewed_ranks(rng: np.random.Generator, count: int, of: int) -> np.ndarray:
    """Return `count` ranks below `of` by Zipf-Mandelbrot: rank r has a weight of about 1/(r + 20)."""
    spread = np.exp(rng.random(count) * np.log1p(of / _FLATTENED))
    ranks: np.ndarray = np.floor(_FLATTENED * (spread - 1)).astype(np.int64)
    return ranks.clip(max=of - 1)


def scattered(ranks: np.ndarray, of: int) -> np.ndarray:
    """Return the number that stands for each rank, so that popular ones are no neighbours."""
    return (ranks * _STRIDE + 1) % of


def countries_of(customers: np.ndarray) -> np.ndarray:
    """Return the index of each customer's country."""
    return _pick(_uniform(customers, 1), _COUNTRY_WEIGHTS)


def segments_of(customers: np.ndarray) -> np.ndarray:
    """Return the index of each customer's segment."""
    return _pick(_uniform(customers, 2), _SEGMENT_WEIGHTS)


def pick(rng: np.random.Generator, count: int, weights: np.ndarray) -> np.ndarray:
    """Return `count` indices, drawn by weight."""
    return _pick(rng.random(count), weights)


def _pick(uniform: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(weights / weights.sum())[:-1], uniform, side="right")


def _uniform(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Return a number from 0 up to 1 that depends on nothing else (SplitMix64)."""
    x = numbers.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) / np.float64(2**64)


def words(indices: np.ndarray, known: tuple[str, ...]) -> pa.Array:
    """Return the word of each index."""
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(known)).cast(pa.string())
