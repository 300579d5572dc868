"""Records compared field by field, arrays bit for bit and by type."""

from typing import Any

import numpy as np
from msgspec import Struct


def differing(left: Any, right: Any, name: str = "") -> list[str]:
    """The names of all parts in which two records differ."""
    if isinstance(left, Struct) and type(left) is type(right):
        return [part for field in left.__struct_fields__
                for part in differing(getattr(left, field), getattr(right, field), f"{name}.{field}".lstrip("."))]
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        same = left.dtype == right.dtype and left.shape == right.shape and left.flags.c_contiguous \
            and right.flags.c_contiguous and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
        return [] if same and [type(one) for one in left.flat[:1]] == [type(one) for one in right.flat[:1]] else [name]
    same = left == right and repr(left) == repr(right)  # 1, 1.0 and True are equal, but not the same
    return [] if same else [name]
