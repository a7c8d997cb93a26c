"""Compiles numerical functions with numba: without the GIL, kept on disk.

Numba notices when the file of a compiled function changes, not when a function it calls lies in another file and
changes there: after such a change delete `__pycache__` (`make clean`).
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return the function compiled at its first call with the types it is then called with.

    The result is kept beside the module, or in the user's cache where that is read-only; if neither can be written,
    every process compiles anew.
    """
    try:
        return cast("Function", njit(nogil=True, cache=True, error_model="numpy")(function))
    except RuntimeError:  # numba's word for "no place to keep it"
        return cast("Function", njit(nogil=True, error_model="numpy")(function))
