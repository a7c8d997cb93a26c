"""Finds what packages and modules register about themselves by their names, so that registries name none of them."""

from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, TypeVar


class Named(Protocol):
    """An entry of a registry."""

    @property
    def name(self) -> str:
        """Its name, which is also that of its package or module."""
        ...


Entry = TypeVar("Entry", bound=Named)


def registered(names: Iterable[str], place: str, entry: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """Return the entries of the modules `place`, which has {name} for a name, in the order of the names.

    Raises ImportError where a module is missing, TypeError where it has no such entry or one of another name.
    """
    found = []
    for name in names:
        module = place.format(name=name)
        one = getattr(import_module(module), entry, None)
        if not isinstance(one, kind) or one.name != name:
            raise TypeError(f"{module}.{entry} must be a {kind.__name__} with the name {name!r}")
        found.append(one)
    return tuple(found)
