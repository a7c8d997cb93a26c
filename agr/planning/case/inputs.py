"""The inputs of one planning problem, as read from the store. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.flexibility import Obligation
from agr.domain.isp import Period
from agr.domain.register import ConnectionTariff, Portfolio, Register
from agr.domain.stand_in import GroupForecast
from agr.domain.visit import Visit
from agr.settings import Brp, Markets, Planning

Decision = int | NDArray[np.bool_]
"""The ISP (from 0) in which a run starts, or the ISPs (T,) in which a switched load is on."""


@dataclass(frozen=True, kw_only=True)
class MeasuredEnergy:
    """What a store holds at the end of an ISP, as measured while the Period runs."""

    isps: int  # how many ISPs of the Period have ended by then, at least 1
    kwh: float


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupBefore:
    """The positions of a balancing group in the plan in force. kW per ISP (T,), net bought."""

    day_ahead_kw: NDArray[np.float64]
    intraday_kw: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Previous:
    """The plan in force: programs that are frozen in closed ISPs, and that other ISPs should stay near."""

    programs_kw: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # resource → (T,)
    decided: Mapping[str, Decision] = field(default_factory=dict)  # resource → decision that its program does not show
    intraday_kw: NDArray[np.float64] | None = None  # (T,) net bought
    positions: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Market with an auction → kW per ISP, bought positive, or, of a capacity product, MW per block"""
    point_kw: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # congestion point → (T,)
    groups: Mapping[str, GroupBefore] = field(default_factory=dict)  # balancing group → its positions
    held_kw: Mapping[str, float] = field(default_factory=dict)
    """Resource at one of `Inputs.offered_points` → its largest reserve in either direction in any ISP, kW, called or
    not"""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldMost:
    """The most reserve of a product that a congestion point may hold, kW (T,), as planned and when called."""

    planned_kw: NDArray[np.float64]
    called_kw: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reaction:
    """What imbalance is worth in ISPs that no market reaches any more, and which resources may still move in them."""

    first: int  # the first ISP, from 0, that has not begun
    short_eur_per_mwh: NDArray[np.float64]  # (T,) what a shortage costs; NaN: the planning price counts
    surplus_eur_per_mwh: NDArray[np.float64]  # (T,) what a surplus earns
    resources: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """One planning problem in the terms of the domain."""

    period: Period
    portfolio: Portfolio
    register: Register  # forecasts and prices in it are ignored: see the fields below
    forecasts: Mapping[tuple[str, str], NDArray[np.float64]]  # (resource, quantity) → (T,)
    prices: Mapping[str, tuple[float | None, ...]]  # series → value per ISP, None where unknown
    later_prices: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)  # the same of the next Period
    further_prices: tuple[Mapping[str, tuple[float | None, ...]], ...] = ()
    """The same for the Periods after the next one that the plan looks ahead to, see Planning.look_ahead_days"""
    later_forecasts: tuple[Mapping[tuple[str, str], NDArray[np.float64]], ...] = ()
    """For each later Period that the plan looks ahead to: (resource, quantity) → (T,), of heat pumps only"""
    next_forecasts: Mapping[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    """The known forecasts of the next Period, (resource, quantity) → (T,), where cars stay behind limits over midnight;
    what is missing is taken to be as in this Period"""
    reserved_w: Mapping[str, tuple[int, ...]]  # contract → newest FlexReservationUpdate, signed
    fixed: Mapping[str, tuple[float, ...]]  # market → kW per ISP or MW per block, once its gate has closed
    trades: tuple[Trade, ...] = ()  # intraday trades that are known
    carried_state: Mapping[str, float]
    """Resource → state at the end of the previous Period.

    Of a store the kWh stored, of a switched load for how many ISPs it has been on (+) or off (−), of a shiftable load
    how many ISPs of its run were still to come.
    """
    markets: Markets
    planning: Planning
    unmanaged_state: Mapping[str, float] = field(default_factory=dict)  # the same at the end of its unmanaged program
    peaks_reached_kw: Mapping[ConnectionTariff, float] = field(default_factory=dict)
    """Tariff with a peak charge → the highest import of its billing period before this Period, kW, where that is
    known"""
    unmanaged_peaks_reached_kw: Mapping[ConnectionTariff, float] = field(default_factory=dict)
    """The same if nobody had steered the devices in the earlier Periods"""
    brought_forward_eur: float = 0.0  # what the previous Period's plan has credited for what it left
    unmanaged_brought_forward_eur: float = 0.0  # the same of its unmanaged program
    closed_isps: int = 0  # ISPs that can no longer change, counted from the start of the Period
    past_isps: int = 0  # ISPs that have ended: a store that no plan knew has rested in them
    closed_auctions: frozenset[str] = frozenset()  # markets whose gate has closed, whether or not a position is fixed
    held: Mapping[str, MeasuredEnergy] = field(default_factory=dict)
    """Resource → the energy it was measured to hold: the plan begins with the energy that leads to it"""
    dictated_kw: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Resource to which nothing can be sent → its power (T,), kW, which nobody can change; NaN where it is free"""
    visits: tuple[Visit, ...] = ()  # of cars that nobody planned; `register` and `forecasts` have them as fixed loads
    expectations: tuple[GroupForecast, ...] = ()
    """Where charging sessions are expected; `register` contains the sessions that stand for them"""
    reaction: Reaction | None = None  # None: nothing reacts to imbalance prices
    frozen_points: frozenset[str] = frozenset()  # congestion points where units keep the programs of `previous`
    offered_points: frozenset[str] = frozenset()
    """Congestion points with an open offer. It was priced with the reserve that `previous` holds, so no unit holds
    more"""
    held_at_most: Mapping[str, Mapping[str, HeldMost]] = field(default_factory=dict)
    """One of `offered_points` → balancing product → the reserve that the offered program holds"""
    uncallable_points: frozenset[str] = frozenset()
    """Congestion points where nothing is called any more: the day has begun, and nobody redispatches them intraday"""
    previous: Previous = Previous()
    unavailable_from: Mapping[str, int] = field(default_factory=dict)  # resource → ISP (from 0) from which it is off
    stay_eur_per_mwh: float = 0.0  # price of leaving the previous program of a congestion point
    orders: tuple[Obligation, ...] = ()  # flexibility that DSOs have ordered
    order_shortfall_eur_per_mwh: float = 0.0  # price of not delivering an order
    brps: tuple[Brp, ...] = ()  # who is balanced by itself
    offered_buy_kw: NDArray[np.float64] | None = None  # (T,) intraday depth that open offers may need for purchases
    offered_sell_kw: NDArray[np.float64] | None = None  # (T,) likewise for sales

    @property
    def reacting_isps(self) -> int:
        """How many ISPs, from the first, may have deliberate imbalance: it reacts to imbalance prices."""
        return 0 if self.reaction is None else self.closed_isps
