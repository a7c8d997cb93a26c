"""Draws messages from the specification's schemas: every attribute in any lexical form that its type allows."""

import string
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import TypeAlias

from hypothesis import strategies as st
from lxml import etree

from tests.builders.schemas import FOLDER
from tests.uftp.pattern_texts import maker

NS = "{http://www.w3.org/2001/XMLSchema}"
Value: TypeAlias = str | int | bool | date | timedelta | Decimal | None
Form: TypeAlias = tuple[str, Value]
"""(as it is written, what it means); a meaning of None is not compared."""


@dataclass
class Drawn:
    """One element as drawn: its XML, and what its attributes mean."""

    element: etree._Element
    meaning: dict[str, Value] = field(default_factory=dict)
    padding: dict[str, tuple[str, str]] = field(default_factory=dict)
    children: dict[str, list["Drawn"]] = field(default_factory=dict)

    def pad(self) -> None:
        """Write white space around the values whose types ignore it; libxml2 does not know this for all of them."""
        for name, (before, after) in self.padding.items():
            self.element.set(name, before + self.element.get(name) + after)
        for children in self.children.values():
            for child in children:
                child.pad()


@cache
def _declared(version: str) -> dict[str, etree._Element]:
    """Return every named type and element of one version, by kind and name."""
    roots = [etree.parse(str(file)).getroot() for file in sorted((FOLDER / version).glob("*.xsd"))]
    return {
        node.tag.removeprefix(NS) + " " + node.get("name"): node for root in roots for node in root if node.get("name")
    }


_blank = st.text(" \t\n\r", max_size=3)
_digits = st.text("0123456789", min_size=1, max_size=6)
_zeros = st.text("0", max_size=12)
_zeros_after = st.text("0", max_size=2)
_hours = st.integers(-14 * 60, 14 * 60)


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


@st.composite
def _whole(draw: st.DrawFn, low: int, high: int) -> Form:
    number = draw(st.integers(low, high))
    sign = "-" if number < 0 else draw(st.sampled_from(["", "+"]))
    return f"{sign}{draw(_zeros)}{abs(number)}", number


@st.composite
def _date(draw: st.DrawFn) -> Form:
    day = draw(st.dates(date(1900, 1, 1), date(8999, 12, 31)))
    return day.isoformat() + draw(st.sampled_from(["", "Z"]) | _hours.map(_offset)), day


@st.composite
def _date_time(draw: st.DrawFn) -> Form:
    moment = draw(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)))  # noqa: DTZ001 - the offset is drawn below
    minutes = draw(_hours)
    offset = draw(st.sampled_from(["", "Z", _offset(minutes)]))
    meant = (moment - timedelta(minutes=minutes if offset not in ("", "Z") else 0)).replace(tzinfo=UTC)
    if draw(st.booleans()):  # 24:00:00 is the midnight after the day
        meant += datetime(moment.year, moment.month, moment.day) + timedelta(days=1) - moment  # noqa: DTZ001
        return f"{moment:%Y-%m-%d}".rjust(
            10, "0"
        ) + f"T24:00:00{draw(st.sampled_from(['', '.0', '.000']))}{offset}", meant
    whole, more = moment.isoformat(timespec="microseconds"), draw(st.text(string.digits, max_size=40))
    return f"{whole}{more}{offset}", meant


@st.composite
def _duration(draw: st.DrawFn) -> Form:
    """Draw up to a day in whole seconds, spread over the units, with units of nothing in between."""
    seconds = left = draw(st.integers(1, 86_400))
    parts = {}
    for unit, size in (("D", 86_400), ("H", 3600), ("M", 60)):
        parts[unit] = draw(st.integers(0, left // size))
        left -= parts[unit] * size
    text = "P"
    for unit, number in (("Y", 0), ("M", 0), ("D", parts["D"])):
        text += f"{draw(_zeros)}{number}{unit}" if number or draw(st.booleans()) else ""
    time = ""
    for unit in ("H", "M"):
        time += f"{draw(_zeros)}{parts[unit]}{unit}" if parts[unit] or draw(st.booleans()) else ""
    if left or not (time or parts["D"]) or draw(st.booleans()):
        time += f"{draw(_zeros)}{left}{draw(st.sampled_from(['', '.0', '.000']))}S"
    return text + ("T" + time if time else ""), timedelta(seconds=seconds)


_BUILT_IN: dict[str, st.SearchStrategy[Form]] = {
    "string": st.text(string.printable.strip() + " \té€\U0001f600", max_size=40).map(lambda text: (text, text)),
    "dateTime": _date_time(),
    "date": _date(),
    "duration": _duration(),
    "integer": _whole(-(10**6), 10**6),
    "positiveInteger": _whole(1, 10**6),
    "long": _whole(-(2**63), 2**63 - 1),
    "boolean": st.sampled_from([("true", True), ("1", True), ("false", False), ("0", False)]),
    "decimal": st.decimals("0.01", "1.00", places=2).flatmap(
        lambda number: st.tuples(st.sampled_from(["", "+", "000"]), _zeros_after).map(
            lambda more: (f"{more[0]}{number:f}{more[1]}", number)
        )
    ),
}


@cache
def _of_type(version: str, name: str) -> st.SearchStrategy[Form]:
    """Return the forms of a simple type."""
    if name.startswith("xs:"):
        return _BUILT_IN[name.removeprefix("xs:")]
    restriction = _declared(version)[f"simpleType {name}"].find(f"{NS}restriction")
    pattern, values = restriction.find(f"{NS}pattern"), restriction.findall(f"{NS}enumeration")
    if values:
        return st.sampled_from([value.get("value") for value in values]).map(lambda text: (text, text))
    if pattern is not None:
        make = maker(pattern.get("value"))
        texts = st.integers(0, 2**64 - 1).map(lambda number: make(Random(number))).filter(_may_be_written)
        return texts.map(lambda text: (text, text))
    return _of_type(version, restriction.get("base"))


def _may_be_written(text: str) -> bool:
    """Say whether XML may hold a text, and whether its address part is more than white space."""
    readable = all(c.isprintable() or c == "\t" for c in text)
    return readable and all(part.strip(" \t") for part in text.split(":"))


@st.composite
def drawn(draw: st.DrawFn, version: str, root: str) -> Drawn:
    """Draw a message by the name of its root element."""
    return draw(_element(version, root, _declared(version)[f"element {root}"].get("type")))


@cache
@st.composite
def _element(draw: st.DrawFn, version: str, tag: str, kind: str) -> Drawn:
    made = Drawn(etree.Element(tag))
    attributes, children = _parts(version, kind)
    for attribute in draw(st.permutations(attributes)):
        if attribute.get("use") != "required" and draw(st.booleans()):
            continue
        name = attribute.get("name")
        text, made.meaning[name] = draw(_of_type(version, attribute.get("type")))
        made.element.set(name, text)
        if not isinstance(made.meaning[name], str):  # a string's white space counts, by the schema
            made.padding[name] = (draw(_blank), draw(_blank))
    for child in children:
        low = int(child.get("minOccurs", "1"))
        high = 3 if child.get("maxOccurs") == "unbounded" else int(child.get("maxOccurs", "1"))
        for _ in range(draw(st.integers(low, high))):
            one = draw(_element(version, child.get("name"), child.get("type")))
            made.element.append(one.element)
            made.children.setdefault(child.get("name"), []).append(one)
    return made


def _parts(version: str, kind: str) -> tuple[list[etree._Element], list[etree._Element]]:
    """Return the attributes and child elements of a complex type, inherited ones first."""
    node = _declared(version)[f"complexType {kind}"]
    extension = node.find(f"{NS}complexContent/{NS}extension")
    inherited = _parts(version, extension.get("base")) if extension is not None else ([], [])
    own = node if extension is None else extension
    return inherited[0] + own.findall(f"{NS}attribute"), inherited[1] + own.findall(f"{NS}sequence/{NS}element")
