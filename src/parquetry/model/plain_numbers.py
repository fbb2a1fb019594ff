"""Numbers of Arrow as NumPy sees them, and back, without a copy.

PyArrow's own ways there import pandas where it is installed, those of Polars import `numpy.ma`; either
takes longer than a small file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


def floats_of(array: pa.Array) -> NDArray[Any]:
    """Return a view of an array of `float64` or `float32` that has no NULL."""
    kind = np.dtype(np.float32 if array.type == pa.float32() else np.float64)
    if not len(array):
        return np.empty(0, kind)
    start = array.offset * kind.itemsize
    return np.frombuffer(array.buffers()[1], kind, len(array), start)


def integers_of(array: pa.Array) -> NDArray[np.int64]:
    """Return a view of an array of `int64` that has no NULL."""
    if not len(array):
        return np.empty(0, np.int64)
    return np.frombuffer(array.buffers()[1], np.int64, len(array), array.offset * 8)


def array_of(numbers: NDArray[Any]) -> pa.Array:
    """Return a view of numbers that lie one after the other, without NULL; NaN stays NaN.

    Truth values are packed into bits, which is a copy.
    """
    kind = pa.from_numpy_dtype(numbers.dtype)
    stored = np.packbits(numbers, bitorder="little") if numbers.dtype == np.bool_ else numbers
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(stored)])
