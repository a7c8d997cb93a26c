"""Compiles numerical functions with numba: without the GIL, kept on disk.

Numba keeps a compiled function until the function's file changes, and ignores the files of the functions that it calls,
although it contains their code. Here a change of any of these files counts as well.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.types.misc import unliteral

Function = TypeVar("Function", bound=Callable[..., Any])

_COMPILED: dict[Any, frozenset[int]] = {}
"""Every compiled function, and the identities of the compiled functions that it calls."""


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Return the function, which is compiled when it is first called with given types.

    The result is kept beside the module, or in the user's cache where that is read-only; if neither can be written,
    every process compiles anew.
    """
    options = {"nogil": True, "error_model": "numpy", "forceinline": inline}
    try:
        dispatcher = njit(cache=True, **options)(function)
    except RuntimeError:  # numba raises this if there is no place to keep the result
        return cast("Function", njit(**options)(function))
    if dispatcher is function:  # NUMBA_DISABLE_JIT: the functions run as plain Python, which checks every index
        return function
    dispatcher.get_call_template = partial(_template, dispatcher.get_call_template)
    kept = dispatcher._cache._cache_file
    kept._load_index = partial(_index, kept._load_index)
    called = [function.__globals__.get(name) for name in function.__code__.co_names]
    stamps = {stamp for other in called for stamp in getattr(other, "source_stamps", ())}
    _COMPILED[dispatcher] = frozenset(map(id, called))
    dispatcher.source_stamps = frozenset({*stamps, (function.__module__, kept._source_stamp)})
    kept._source_stamp = sorted(dispatcher.source_stamps)
    return cast("Function", dispatcher)


def load_kept() -> None:
    """Load the kept code of those imported functions that no others call: it brings along all that they call.

    Nothing is compiled or run, so no thread begins: a process that is forked afterwards has all of it.
    """
    inner = frozenset().union(*_COMPILED.values())
    for dispatcher in [each for each in _COMPILED if id(each) not in inner]:
        for types in _kept_types(dispatcher):
            dispatcher.compile(types)


def in_memory() -> dict[str, list[str]]:
    """Return function → the argument types, as text, for which this process has its machine code."""
    return {_name(each): [str(types) for types in each.signatures] for each in _COMPILED if each.signatures}


def at_hand(wanted: Mapping[str, list[str]], *, on_disk: bool = False) -> bool:
    """Return whether all of these, named as by `in_memory`, are loaded or kept, so that nothing would be compiled here.

    `on_disk`: only what is kept counts, as for every later process.
    """
    known, loaded = {_name(each): each for each in _COMPILED}, {} if on_disk else in_memory()
    for name, types in wanted.items():
        missing = set(types) - set(loaded.get(name, ()))
        if missing and (name not in known or missing - {str(each) for each in _kept_types(known[name])}):
            return False
    return True


def _template(find: Callable[..., Any], arguments: Any, named: Any) -> Any:
    """Return how compiled code calls a function: with True and False, or 0 and 1, it need not be compiled twice."""
    return find([unliteral(kind) for kind in arguments], {name: unliteral(kind) for name, kind in named.items()})


def _name(dispatcher: Any) -> str:
    return f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}"


def _kept_types(dispatcher: Any) -> list[Any]:
    """Return the argument types for which a function is kept for this processor."""
    cache, codegen = dispatcher._cache, dispatcher.targetctx.codegen()
    return [key[0] for key in list(cache._cache_file._load_index()) if cache._index_key(key[0], codegen) == key]


def _index(load: Callable[[], Any]) -> Any:
    """Return the index of kept results; it is empty where it names types that no longer exist."""
    try:
        return load()
    except (AttributeError, ImportError):
        return {}


def inlined(function: Function) -> Function:
    """Return the function compiled into each of its callers, for functions called millions of times."""
    return compiled(function, inline=True)
