"""Dual prices of all couplings, as the search keeps them; from an earlier plan's prices, and to an outcome's."""

from dataclasses import dataclass

import numpy as np

from models.case import Case, Duals, Floats
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.places import Places
from models.decomposition.prices.pricing import ScenarioPrices
from models.outcome import Shadow
from models.response import NOWHERE, Prices


@dataclass(frozen=True, kw_only=True, eq=False)
class DualPrices:
    """A price for every coupling, EUR per kW of one ISP, for N priced points and R products."""

    balance: Floats  # (G,T) of one more kW of consumption to be covered in each balancing group
    program: Floats  # (N,T) of a priced point's program, on top of the balance
    call: Floats  # (N,T) of called less planned program
    reserve: Floats  # (R,T) <= 0, of reserve held in planned programs
    called: Floats  # (R,T) <= 0, of reserve held in called programs
    connections: Floats  # (2S,T) at sums of connections (see Places): import >= 0, then export <= 0
    places: Places  # what units behind such limits and tariffs see
    near: int = NOWHERE  # see Prices

    def arrays(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Return the prices of balance (G,T), program, call (P,T), reserve, called (R,T), and connections (2S,T)."""
        return self.balance, self.program, self.call, self.reserve, self.called, self.connections

    def scenario(self) -> ScenarioPrices:
        """Return what units see, planned and called: prices of their programs and rewards of reserve held."""
        return ScenarioPrices(planned=self.seen(called=False), called=self.seen(called=True))

    def seen(self, *, called: bool) -> Prices:
        """Return what units see in one scenario: planned, or called."""
        first = self.balance[:1]  # units of other groups have a place
        if called:
            power, held = np.concatenate([self.call, np.zeros_like(first)]), -self.called[None]
        else:
            power = np.concatenate([first + self.program - self.call, first])
            held = np.stack([-(self.reserve + self.called), -self.reserve])
        places = self.places
        if len(places.point):  # number −1, of no priced point, reads the row of all other units, which is the last one
            here = np.zeros(len(places.point), dtype=np.int64) if called else places.reserved.astype(np.int64)
            more = power[places.point] + places.power_eur_per_kw(self.connections, called=called)
            if not called and len(self.balance) > 1:
                more = more + (self.balance[places.balance] - first)
            dearer = held[here] - places.held_eur_per_kw(self.connections, called=called)
            power, held = np.concatenate([power, more]), np.concatenate([held, dearer])
        return Prices(power_eur_per_kw=power, held_eur_per_kw=np.maximum(held, 0.0), near=self.near)


def carried(start: Duals, grouping: Grouping) -> DualPrices:
    """Return an earlier plan's prices, EUR per kW of one ISP, for the congestion points that are priced now."""
    points = grouping.priced_points
    places, isps = grouping.places, start.balance.shape[0]
    known = start.connections.shape == (2 * places.every, isps)  # prices of other limits say nothing about these
    balance = np.tile(start.balance, (grouping.places.groups, 1))
    if start.groups.shape == balance.shape:
        balance = start.groups.copy()
    return DualPrices(
        balance=balance, program=start.program[points], call=start.call[points],
        reserve=start.reserve.copy(), called=start.called.copy(),
        connections=places.of_all(start.connections) if known else np.zeros((2 * places.sums, isps)), places=places,
    )  # fmt: skip


def duals(case: Case, grouping: Grouping, prices: DualPrices, bound_eur: float = np.nan) -> Duals:
    """Return the prices of all congestion points, zero for those without one, with the bound that they prove, EUR."""
    program, call = np.zeros((len(case.points), case.isps)), np.zeros((len(case.points), case.isps))
    program[grouping.priced_points], call[grouping.priced_points] = prices.program, prices.call
    return Duals(
        balance=prices.balance[0].copy(),
        program=program,
        call=call,
        reserve=prices.reserve,
        called=prices.called,
        connections=prices.places.at_all(prices.connections),
        bound_eur=bound_eur,
        groups=prices.balance if case.balancing_groups.name else np.zeros((0, 0)),
    )


def shadow(case: Case, grouping: Grouping, prices: DualPrices, joint_limits: Floats) -> Shadow:
    """Return shadow prices: what one more unit of each coupling is worth, EUR/MWh, and EUR/MW of capacity.

    joint_limits (2,L,T): what a kW more of limits within connections is worth, EUR per ISP, import and export.
    """
    per_mwh = 1000 / case.isp_hours
    full = duals(case, grouping, prices)
    own = 0.0 if case.anchor is None else case.anchor.eur_per_mwh / per_mwh
    at_limit, at_call = full.program[case.limits.point], np.abs(full.call[case.reservations.point])
    most, least = _ordered(case)
    imports = np.isfinite(case.limits.import_kw) & (case.limits.import_kw <= most[case.limits.point])
    exports = np.isfinite(case.limits.export_kw) & (case.limits.export_kw >= least[case.limits.point])
    reserved = case.reservations.reserved_kw != 0
    limits, half = len(case.connection_limits.name), grouping.places.every
    import_price, export_price = full.connections[:limits], -full.connections[half : half + limits]
    return Shadow(
        balance_eur_per_mwh=full.balance * per_mwh,
        limit_import_eur_per_mwh=np.where(imports, np.maximum(at_limit - own, 0.0), 0.0) * per_mwh,
        limit_export_eur_per_mwh=np.where(exports, np.maximum(-at_limit - own, 0.0), 0.0) * per_mwh,
        reservation_eur_per_mwh=np.where(reserved, at_call, 0.0) * per_mwh,
        reserve_eur_per_mw=-(full.reserve + full.called) * 1000,
        connection_import_eur_per_mwh=np.maximum(import_price + joint_limits[0], 0.0) * per_mwh,
        connection_export_eur_per_mwh=np.maximum(export_price + joint_limits[1], 0.0) * per_mwh,
        group_balance_eur_per_mwh=full.groups * per_mwh,
    )


def _ordered(case: Case) -> tuple[Floats, Floats]:
    """Return the bounds (C,T) that orders set: where they are tighter than a limit, the price is not the limit's."""
    most, least = np.full((len(case.points), case.isps), np.inf), np.full((len(case.points), case.isps), -np.inf)
    np.minimum.at(most, case.orders.point, case.orders.most_kw.reshape(-1, case.isps))
    np.maximum.at(least, case.orders.point, case.orders.least_kw.reshape(-1, case.isps))
    return most, least
