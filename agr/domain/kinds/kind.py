"""What a kind of resource says of itself to everything that does not plan: tables, scenarios, pictures.

How its rows become units of a planning problem is registered in agr.planning.case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
"""(column, what is wrong with it), to be read one after the other."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What a forecast gives values of."""

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
    """A kind of resource. Its columns are the fields of `row`; bounds of numbers stand in their types."""

    row: type[Row]
    table: str  # name of its table, in plural: batteries.csv, --set batteries=…
    name: str  # of one of them, in tables of results: battery
    look: Look
    stream: int  # of random numbers by which scenarios copy or leave out some; every kind has its own for ever
    follows: tuple[Quantity, ...] = ()  # forecasts each of them needs
    produces: bool = False  # its forecast of power is not above zero
    faults: Callable[[Row], Iterator[Remark]] = no_remarks  # contradictions between columns
    shortfalls: Callable[[Row], Iterator[Remark]] = no_remarks  # what a row asks for and nobody can give
