"""Pyomo, imported when a model is first built: it takes a second and 80 MB that plans by decomposition never need."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyomo.environ as pyo
else:

    class _Pyomo:
        """Stands for `pyomo.environ` until one of its names is used."""

        def __getattr__(self, name: str) -> Any:
            """Return what `pyomo.environ` has under a name, and keep it."""
            value = getattr(importlib.import_module("pyomo.environ"), name)
            setattr(self, name, value)
            return value

    pyo = _Pyomo()

__all__ = ["pyo"]
