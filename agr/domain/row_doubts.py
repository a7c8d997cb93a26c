"""Doubts about a row that it shows by itself: magnitudes that are not usual, and parts beside their whole. Pure."""

from collections.abc import Iterator
from typing import Any

from agr.domain.doubt import Doubt
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.kind import Kind
from agr.domain.kinds.mistaken_units import PER_UNIT
from agr.domain.kinds.switched_load import SwitchedLoad, needs_of
from agr.domain.register import ConnectionTariff
from agr.domain.usual import (
    LEAST_BESIDE,
    LEAST_RESERVE,
    LEAST_STORED,
    LEAST_STORED_KWH,
    MOST_START_EUR_PER_KW,
    PEAK,
    USUAL,
    Usual,
    share_words,
)

_STORED = ("initial_kwh", "end_kwh", "minimum_kwh")
_HOURS = Usual(unit="h", least=0.1, small=(60.0, ""))


def unusual(table: str, row: Any, name: str, *, by_value: bool = False) -> Iterator[Doubt]:
    """Yield a doubt for each column of a row whose magnitude is not usual; `by_value` where a name has several rows."""
    for column, usual in USUAL.get(table, {}).items():
        value: float | None = getattr(row, column)
        if value is not None and (words := usual.words(value)):
            yield Doubt(table=table, name=name, column=column, words=words, value=value if by_value else None)


def beside_itself(kind: Kind[Any], row: Any) -> Iterator[Doubt]:
    """Yield doubts about parts of a resource that are next to nothing of their whole."""
    for column, words in _beside_itself(kind, row):
        if words:
            yield Doubt(table=kind.table, name=row.resource, column=column, words=words)


def _beside_itself(kind: Kind[Any], row: Any) -> Iterator[tuple[str, str]]:
    held, power = kind.capacity_kwh(row), kind.rated_kw(row)
    whole = "buffer_kwh" if kind.table == "heat_pumps" else "capacity_kwh"
    for column in _STORED:
        if held is not None and hasattr(row, column):
            kwh = getattr(row, column)
            yield column, share_words(kwh, "kWh", held, whole, LEAST_STORED) if kwh < LEAST_STORED_KWH else ""
    if power and hasattr(row, "reserve_kw"):
        yield "reserve_kw", share_words(row.reserve_kw, "kW", power, "the device's power", LEAST_RESERVE)
    if isinstance(row, Battery):
        for column, other in (("charge_kw", "discharge_kw"), ("discharge_kw", "charge_kw")):
            one, beside = getattr(row, column), getattr(row, other)
            yield column, share_words(one, "kW", beside, other, LEAST_BESIDE, exceeds=10.0)
    if isinstance(row, SwitchedLoad):
        yield from (("needs", _HOURS.words(need.hours)) for need in needs_of(row.needs))
        if row.start_eur > MOST_START_EUR_PER_KW * row.power_kw > 0:
            said = f"{row.start_eur:g} EUR is {row.start_eur / row.power_kw:,.3g} EUR per kW for every start"
            yield "start_eur", f"{said}; did you mean {row.start_eur / PER_UNIT:g} EUR?"


def tariff_doubts(row: ConnectionTariff) -> Iterator[Doubt]:
    """Yield doubts about what a tariff charges for the highest import."""
    yield from unusual("connection_tariffs", row, row.connection, by_value=True)
    if words := PEAK[row.peak_period].words(row.peak_eur_per_kw):
        yield Doubt(
            table="connection_tariffs", name=row.connection, column="peak_eur_per_kw",
            words=f"{words} (a {row.peak_period})", value=row.peak_eur_per_kw,
        )  # fmt: skip
