"""Converts cases and outcomes to compressed bytes and back, exact to the bit: nested dataclasses of arrays ↔ npz.

The type is rebuilt from the dataclass definitions, never from the bytes: nothing is unpickled.
"""

import dataclasses
import hashlib
import io
import json
import types
import typing
import zipfile
from enum import Enum
from typing import Any, TypeVar

import numpy as np

from agr.domain.errors import StoreError

T = TypeVar("T")
_HEAD = "__json__"
_LEVEL = 1
"""Level of compression. The default of np.savez_compressed, 6, saves another 7 % of space in over half as much time
again."""
_STORED_AS = {("Case", "remainder"): "elsewhere", ("FixedRemainder", "dual_slack_eur"): "regret_eur"}
"""Fields that archives keep under an older name: old archives stay readable, and digests stay the same."""

_SPREAD = {"NamedCase": "names"}
"""Class → the dictionary whose entries archives keep as fields of their own, as older code did."""


def _gathered(kind: type, head: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an archived dataclass, with entries from `_SPREAD` back in their dictionary."""
    into = _SPREAD.get(kind.__name__)
    if into is None:
        return head
    own = _fields(kind).keys() & head.keys()
    return {name: head[name] for name in own} | {into: {n: head[n] for n in head if n not in own}}


def _fields(kind: Any) -> dict[str, str]:
    """Return a dataclass's fields: name in archives → name in the code."""
    return {_STORED_AS.get((kind.__name__, f.name), f.name): f.name for f in dataclasses.fields(kind)}


def left_out(field: dataclasses.Field[Any], owner: Any) -> bool:
    """Say whether digests leave a field out: it was added after archives were written, and says nothing here.

    It says nothing where it holds nothing, or its default: the value, or the other field, that its mark names.
    So a new class, market or parameter changes the digest of no case or outcome that has none of it.
    """
    if "added" not in field.metadata:
        return False
    value, like = getattr(owner, field.name), field.metadata.get("like")
    if _holds_nothing(value) or like is None:
        return _holds_nothing(value)
    default = getattr(owner, like) if isinstance(like, str) else like
    return bool(np.all(np.equal(value, default)))


def _holds_nothing(value: Any) -> bool:
    if dataclasses.is_dataclass(value):
        every = dataclasses.fields(value)
        return all(_holds_nothing(getattr(value, field.name)) or left_out(field, value) for field in every)
    return value.size == 0 if isinstance(value, np.ndarray) else value is None or value == ()


def _flatten(value: Any, path: str, arrays: dict[str, np.ndarray[Any, Any]], *, whole: bool = True) -> Any:
    """Move arrays from `value` to `arrays`; return the JSON-able rest, less what digests leave out unless `whole`."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kinds = {field.name: field for field in dataclasses.fields(value)}
        rest = {
            stored: _flatten(getattr(value, name), f"{path}.{stored}", arrays, whole=whole)
            for stored, name in _fields(type(value)).items()
            if whole or not left_out(kinds[name], value)
        }
        return rest | rest.pop(_SPREAD.get(type(value).__name__, ""), {})
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _flatten(item, f"{path}[{key}]", arrays, whole=whole) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_flatten(item, f"{path}.{i}", arrays, whole=whole) for i, item in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def _is_array(kind: Any) -> bool:
    return typing.get_origin(kind) is np.ndarray or kind is np.ndarray


def _rebuild(kind: Any, head: Any, path: str, arrays: typing.Mapping[str, Any]) -> Any:
    if _is_array(kind):
        return arrays[path]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if path not in arrays and head is None:
            return None
        return _rebuild(next(a for a in args if a is not type(None)), head, path, arrays)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints, names, head = typing.get_type_hints(kind), _fields(kind), _gathered(kind, head)
        return kind(**{names[n]: _rebuild(hints[names[n]], head[n], f"{path}.{n}", arrays) for n in head})
    if origin is tuple:
        kinds = [args[0]] * len(head) if len(args) == 2 and args[1] is Ellipsis else args
        return tuple(
            _rebuild(k, item, f"{path}.{i}", arrays) for i, (k, item) in enumerate(zip(kinds, head, strict=True))
        )
    if origin is dict:
        return {key: _rebuild(args[1], item, f"{path}[{key}]", arrays) for key, item in head.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(head)
    return head


def pack(value: Any) -> bytes:
    """Return a dataclass of arrays as compressed bytes."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    head = json.dumps(_flatten(value, "", arrays), sort_keys=True)
    buffer, every = io.BytesIO(), {_HEAD: np.frombuffer(head.encode(), dtype=np.uint8)} | arrays
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, array in every.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return buffer.getvalue()


def unpack(kind: type[T], data: bytes) -> T:
    """Return the dataclass that `pack` was given; raises StoreError when the bytes are not such an archive."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays.pop(_HEAD).tobytes().decode())
        return typing.cast(T, _rebuild(kind, head, "", arrays))
    except (ValueError, KeyError, OSError, TypeError) as error:
        raise StoreError(f"stored {kind.__name__} cannot be read: {error}; restore the store from a backup") from error


def digest(value: Any) -> str:
    """Return a digest of a dataclass of arrays: equal values have equal digests on every machine."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    head = json.dumps(_flatten(value, "", arrays, whole=False), sort_keys=True)
    total = hashlib.sha256(head.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name}{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
