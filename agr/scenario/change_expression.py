"""Parses the argument of --set: `markets.afrr_down.price=+20%` → a path and an operation on its value. Pure."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from agr.domain.errors import InputError

_AMOUNT = re.compile(r"(?P<sign>[=*+-]?)(?P<number>-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)(?P<percent>%?)")
GRAMMAR = "PATH=VALUE; VALUE is 5 (set), =-5 (set, negative), +5 or -5 (add), +20% or -20%, *1.5, or a word"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One change: a path and an operation."""

    path: str
    text: str  # as written after the first "="
    do: Literal["set", "add", "times", "word"]
    number: float = 0.0

    def of(self, old: float) -> float:
        """Return the new value for an old one. Raises InputError for a word, and when the new value is not finite."""
        if self.do == "word":
            raise InputError(f"{self}: expected a number: {GRAMMAR}")
        new = {"set": self.number, "add": old + self.number, "times": old * self.number}[self.do]
        if math.isinf(new) and not math.isinf(old):
            raise InputError(f"{self}: turns {old:g} into {new:g}; expected a finite number")
        return new

    def __str__(self) -> str:
        return f"{self.path}={self.text}"


def read_setting(text: str) -> Setting:
    """Parse `PATH=VALUE`. Raises InputError when the path or value is missing, or the value is not finite."""
    path, equals, value = text.strip().partition("=")
    path, value = path.strip(), value.strip()
    if not path or not equals or not value:
        raise InputError(f"{text!r} is not a change; write {GRAMMAR}")
    match = _AMOUNT.fullmatch(value)
    if match is None:
        return Setting(path=path, text=value, do="word")
    sign, number = match["sign"], float(match["number"])
    if math.isinf(number):
        raise InputError(f"{text!r}: {match['number']} is too large; expected a finite number")
    if match["percent"]:
        if sign not in ("+", "-"):
            raise InputError(f"{text!r}: write a share as +20% or -20%, or as a factor *1.2")
        return Setting(path=path, text=value, do="times", number=1 + (number if sign == "+" else -number) / 100)
    if sign in ("+", "-"):
        return Setting(path=path, text=value, do="add", number=number if sign == "+" else -number)
    return Setting(path=path, text=value, do="times" if sign == "*" else "set", number=number)


def slug(name: str) -> str:
    """Return a market's name as written in a path: "aFRR down" → afrr_down."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
