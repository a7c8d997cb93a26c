"""What tables, scenarios and pictures need to know of a kind of resource.

agr.planning.case registers how its rows become units of a planning problem.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from agr.domain.bounds import Bound


class Resource(Protocol):
    """A row of a table of resources: a frozen dataclass that has at least these fields."""

    @property
    def resource(self) -> str:
        """Its name; resources of all kinds share one set of names."""

    @property
    def connection(self) -> str:
        """The address of the connection it is behind."""


Row = TypeVar("Row", bound=Resource)
Remark = tuple[str, str]
"""(column, what is wrong with it); a message reads one after the other."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What a forecast has values of."""

    name: str  # with its unit, as in the table of forecasts
    bound: Bound | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """How pictures show all resources of a kind together."""

    words: str  # in legends
    light: str  # colour on a light page, #rrggbb
    dark: str  # colour on a dark page
    layer: int  # in a stack of powers, from the bottom up; layers of kinds differ


def no_remarks(_row: Any) -> Iterator[Remark]:
    """Find nothing."""
    yield from ()


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Row]):
    """A kind of resource. Its columns are the fields of `row`, whose types carry the bounds of numbers."""

    row: type[Row]
    table: str  # name of its table, in plural: batteries.csv, --set batteries=…
    name: str  # of one of them, in tables of results: battery
    look: Look
    stream: (
        int  # of random numbers with which scenarios copy resources or leave them out; never changes, differs by kind
    )
    follows: tuple[Quantity, ...] = ()  # the forecasts that each of them needs
    measured: tuple[Quantity, ...] = ()  # what may be measured of each at the start of a Period
    produces: bool = False  # its forecast of power is not above zero
    faults: Callable[[Row], Iterator[Remark]] = no_remarks  # contradictions between columns
    doubts: Callable[[Row], Iterator[Remark]] = no_remarks  # facts that are unusual, and are taken as they are
    shortfalls: Callable[[Row], Iterator[Remark]] = no_remarks  # needs of a row that cannot be met
    mistaken: Callable[[Row], Iterator[Remark]] = no_remarks  # values that were probably meant in another unit
    rated_kw: Callable[[Row], float] = field(default=lambda _row: 0.0)
    """The highest power in kW that a row names; 0: it names none, since its power is forecast"""
    swing_kw: Callable[[Row], float | None] = field(default=lambda _row: 0.0)
    """Width in kW of the range in which it can be steered at any time; 0: it cannot be; None: all that is forecast"""
    capacity_kwh: Callable[[Row], float | None] = field(default=lambda _row: None)
    """Energy in kWh that it can hold; None: it stores none, or its row does not say"""
    comes: Callable[[Row], datetime | None] = field(default=lambda _row: None)
    """When it arrives: earlier measurements belong to another visit; None: it is always there"""
