"""What a case is audited against: tables, states and settings, as read from the store. Interfaces only.

They are stated here again, field by field, because the audit shares nothing with `agr.planning.case`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.flexibility import Obligation
from agr.domain.register import ConnectionTariff, Portfolio, Register
from agr.domain.stand_in import GroupForecast
from agr.domain.visit import Visit
from agr.settings import Brp, Markets, Planning
from models.case import Case

Floats = NDArray[np.float64]


class Calendar(Protocol):
    """A local day and the length of its ISPs; nothing else of a Period is used."""

    @property
    def day(self) -> date:
        """The local day."""

    @property
    def zone_name(self) -> str:
        """The IANA name of the market's zone."""

    @property
    def isp_minutes(self) -> int:
        """Length of an ISP."""


class ReserveOnOffer(Protocol):
    """What a program on offer holds of a balancing product, kW (T,)."""

    @property
    def planned_kw(self) -> Floats:
        """As planned."""

    @property
    def called_kw(self) -> Floats:
        """When called."""


class PlanInForce(Protocol):
    """The plan in force, which closed ISPs keep."""

    @property
    def programs_kw(self) -> Mapping[str, Floats]:
        """Resource → program (T,)."""

    @property
    def decided(self) -> Mapping[str, Any]:
        """Resource → the ISP (from 0) in which a run starts, or the ISPs (T,) in which a load is on."""

    @property
    def point_kw(self) -> Mapping[str, Floats]:
        """Congestion point → program (T,)."""

    @property
    def intraday_kw(self) -> Floats | None:
        """Net power (T,) bought."""

    @property
    def positions(self) -> Mapping[str, Floats]:
        """Market with an auction → its position."""

    @property
    def groups(self) -> Mapping[str, Any]:
        """Balancing group → its positions, day_ahead_kw and intraday_kw (T,)."""

    @property
    def held_kw(self) -> Mapping[str, float]:
        """Resource at a congestion point with an open offer → the most reserve that it holds."""


class MayReact(Protocol):
    """What may react to imbalance prices."""

    @property
    def first(self) -> int:
        """The first ISP, from 0, that has not begun."""

    @property
    def short_eur_per_mwh(self) -> Floats:
        """What a shortage costs (T,); NaN: the planning price."""

    @property
    def surplus_eur_per_mwh(self) -> Floats:
        """What a surplus earns (T,)."""

    @property
    def resources(self) -> frozenset[str]:
        """Which may move in closed ISPs that have not begun."""


class MeasuredContent(Protocol):
    """What a store holds at the end of an ISP."""

    @property
    def isps(self) -> int:
        """How many ISPs of the Period have ended by then."""

    @property
    def kwh(self) -> float:
        """The content."""


class Facts(Protocol):
    """What a plan is made from; see agr.planning.case.inputs for the meaning of each."""

    @property
    def period(self) -> Calendar:
        """The day that is planned."""

    @property
    def portfolio(self) -> Portfolio:
        """The CRO's congestion points."""

    @property
    def register(self) -> Register:
        """The tables of connections, resources, contracts and limits."""

    @property
    def forecasts(self) -> Mapping[tuple[str, str], Floats]:
        """(resource, quantity) → (T,)."""

    @property
    def prices(self) -> Mapping[str, tuple[float | None, ...]]:
        """Series → price per ISP."""

    @property
    def later_prices(self) -> Mapping[str, tuple[float | None, ...]]:
        """The same of the next day."""

    @property
    def further_prices(self) -> tuple[Mapping[str, tuple[float | None, ...]], ...]:
        """The same of the days after the next one that are looked at."""

    @property
    def later_forecasts(self) -> tuple[Mapping[tuple[str, str], Floats], ...]:
        """(resource, quantity) → forecast, of each later day that is looked at."""

    @property
    def next_forecasts(self) -> Mapping[tuple[str, str], Floats]:
        """(resource, quantity) → forecast of the next day, as far as known, where cars stay behind limits."""

    @property
    def reserved_w(self) -> Mapping[str, tuple[int, ...]]:
        """Contract → W per ISP of the newest update."""

    @property
    def orders(self) -> tuple[Obligation, ...]:
        """Flexibility that DSOs have ordered."""

    @property
    def order_shortfall_eur_per_mwh(self) -> float:
        """Price of not delivering an order."""

    @property
    def fixed(self) -> Mapping[str, tuple[float, ...]]:
        """Market → position, once its gate has closed."""

    @property
    def trades(self) -> tuple[Trade, ...]:
        """Intraday trades that are known."""

    @property
    def brps(self) -> tuple[Brp, ...]:
        """The balance responsible parties of the settings."""

    @property
    def peaks_reached_kw(self) -> Mapping[ConnectionTariff, float]:
        """Peak charge → the highest import of its billing period before this day."""

    @property
    def unmanaged_peaks_reached_kw(self) -> Mapping[ConnectionTariff, float]:
        """The same if nobody had steered in the days before."""

    @property
    def carried_state(self) -> Mapping[str, float]:
        """Resource → state at the end of the Period before."""

    @property
    def unmanaged_state(self) -> Mapping[str, float]:
        """The same at the end of the unmanaged program."""

    @property
    def brought_forward_eur(self) -> float:
        """What the plan of the Period before credits for what it leaves."""

    @property
    def unmanaged_brought_forward_eur(self) -> float:
        """The same of its unmanaged program."""

    @property
    def stay_eur_per_mwh(self) -> float:
        """Price of leaving the previous program of a congestion point."""

    @property
    def markets(self) -> Markets:
        """Settings of the markets."""

    @property
    def planning(self) -> Planning:
        """Settings of planning."""

    @property
    def closed_isps(self) -> int:
        """How many ISPs can no longer change."""

    @property
    def past_isps(self) -> int:
        """How many ISPs have ended."""

    @property
    def closed_auctions(self) -> frozenset[str]:
        """Markets whose gate has closed."""

    @property
    def held(self) -> Mapping[str, MeasuredContent]:
        """Resource → what it was measured to hold."""

    @property
    def dictated_kw(self) -> Mapping[str, Floats]:
        """Resource → power (T,) that nobody can change, NaN where it is free."""

    @property
    def visits(self) -> Sequence[Visit]:
        """Cars that nobody planned."""

    @property
    def expectations(self) -> Sequence[GroupForecast]:
        """Where charging sessions are expected, and which stand in for them."""

    @property
    def reaction(self) -> MayReact | None:
        """What may react to imbalance prices; None: nothing."""

    @property
    def frozen_points(self) -> frozenset[str]:
        """Congestion points that keep their program."""

    @property
    def offered_points(self) -> frozenset[str]:
        """Those of them with an open offer."""

    @property
    def held_at_most(self) -> Mapping[str, Mapping[str, ReserveOnOffer]]:
        """One of them → balancing product → the reserve that the program on offer holds."""

    @property
    def uncallable_points(self) -> frozenset[str]:
        """Those of them that nobody redispatches any more."""

    @property
    def previous(self) -> PlanInForce:
        """The plan in force."""

    @property
    def unavailable_from(self) -> Mapping[str, int]:
        """Resource → ISP (from 0) from which it is off."""


class Named(Protocol):
    """A case with the names behind its rows."""

    @property
    def case(self) -> Case:
        """The arrays."""

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Class of units → resources, in the order of the rows."""

    @property
    def dsos(self) -> tuple[str, ...]:
        """The DSO of each congestion point of the case."""
