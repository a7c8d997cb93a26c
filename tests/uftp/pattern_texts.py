"""Texts that match a pattern of the specification's schemas, each made from one number.

Hypothesis draws a text of a pattern character by character, which takes ten times as long.
"""

import re
import string
from collections.abc import Callable
from functools import cache
from random import Random
from typing import TypeAlias

Maker: TypeAlias = Callable[[Random], str]

LONGEST = 60
"""Most times that a part is repeated: libxml2 needs ages to check long texts."""
MORE = 5
"""How many times more than it must be an endless part is repeated at most."""

_TIMES = re.compile(r"\{(?P<least>[0-9]+)(?P<upto>,(?P<most>[0-9]*))?\}|[+*?]")
_MARKS = {"+": (1, None), "*": (0, None), "?": (0, 1)}


@cache
def maker(pattern: str) -> Maker:
    """Return what makes a text that the whole pattern matches: of ( | ), [a-z0], \\d, \\., ., {m,n}, +, * and ?."""
    made, rest = _choice(pattern)
    assert not rest, (pattern, rest)
    return made


def _choice(left: str) -> tuple[Maker, str]:
    ways = []
    while not ways or left.startswith("|"):
        way, left = _sequence(left.removeprefix("|"))
        ways.append(way)
    return lambda rng: rng.choice(ways)(rng), left


def _sequence(left: str) -> tuple[Maker, str]:
    parts = []
    while left and left[0] not in "|)":
        one, left = _one(left)
        least, most, left = _times(left)
        parts.append((one, least, most))

    def text(rng: Random) -> str:
        return "".join(
            one(rng) for one, least, most in parts for _ in range(rng.choice((least, rng.randint(least, most), most)))
        )

    return text, left


def _one(left: str) -> tuple[Maker, str]:
    if left[0] == "(":
        inner, left = _choice(left[1:])
        assert left[0] == ")", left
        return inner, left[1:]
    if left[0] == ".":
        return _any, left[1:]
    if left[0] == "[":
        members, _, left = left[1:].partition("]")
        among = re.sub(r"(.)-(.)", lambda ends: "".join(map(chr, range(ord(ends[1]), ord(ends[2]) + 1))), members)
    elif left[0] == "\\":
        among, left = string.digits if left[1] == "d" else left[1], left[2:]
    else:
        among, left = left[0], left[1:]
    return lambda rng: rng.choice(among), left


def _times(left: str) -> tuple[int, int, str]:
    found = _TIMES.match(left)
    if found is None:
        return 1, 1, left
    if found["least"] is not None:
        least = int(found["least"])
        most = least if found["upto"] is None else int(found["most"]) if found["most"] else None
    else:
        least, most = _MARKS[found[0]]
    return least, least + MORE if most is None else min(most, LONGEST), left[found.end() :]


def _any(rng: Random) -> str:
    """Return a character that can be seen, of ASCII as often as of other alphabets, or rarely a tab."""
    if rng.random() < 0.05:
        return "\t"
    while True:
        found = chr(rng.choice((rng.randint(0x20, 0x7E), rng.randint(0x80, 0xFFFF), rng.randint(0x10000, 0x3FFFF))))
        if found.isprintable():
            return found
