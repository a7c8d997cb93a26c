"""The best response of one storage unit, for compiled functions that need it less often than once per unit.

They call it by its address, so that compiling them does not compile the whole kernel again.
"""

from typing import Any

import numpy as np

from models.compiled_calls import by_address
from models.resources.storage.kernel import respond_one
from models.resources.storage.layout import new_store_workspace


def _example() -> tuple[Any, ...]:
    wide, work = np.zeros((1, 1)), new_store_workspace.py_func(1, 1, 1)  # type: ignore[attr-defined]
    return wide, wide[0], 0.0, wide[0], wide, np.zeros((1, 1), dtype=np.int64), work


respond_address, respond_at = by_address(respond_one, _example)
