"""Opens worlds that were once proven falsely: a case field by field and its optimum, from an independent model."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from models.case import Case, Direction, Reserve

WORLDS = Path(__file__).parent / "false_proofs_data"


def _array(value: dict[str, Any]) -> Any:
    return np.array(value["data"], dtype=value["dtype"]).reshape(value["shape"])


def _table(kind: Any, value: dict[str, Any]) -> Any:
    given = {name: _array(v) if isinstance(v, dict) else v for name, v in value.items()}
    if "direction" in given:
        given["direction"] = Direction[given["direction"]]
    if isinstance(given.get("name"), list):
        given["name"] = tuple(given["name"])
    return kind(**given)


def world(name: str) -> tuple[Case, float]:
    """Return a world's case and the true optimum, EUR."""
    read = json.loads((WORLDS / f"{name}.json").read_text(encoding="utf-8"))
    hints = get_type_hints(Case)
    given: dict[str, Any] = {}
    for item in fields(Case):
        value = read["case"].get(item.name)
        if item.name == "points":
            given["points"] = tuple(value)
        elif item.name == "reserves":
            given["reserves"] = tuple(_table(Reserve, one) for one in value)
        elif isinstance(value, dict):
            kind = hints[item.name]
            given[item.name] = _table(next(iter(get_args(kind)), kind), value)
        elif value is not None:
            given[item.name] = value
    return Case(**given), read["optimum_eur"]
