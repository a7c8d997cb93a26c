"""Finds promises that a recovered program breaks though the best prices say that keeping them costs much less.

Such breaches cost less than the gap allows. They lie where the columns of the mixture happen to have nothing to keep
the promise with. Source: docs/explanation/optimisation.md §3.5.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.dual_prices import DualPrices
from models.decomposition.prices.places import Places
from models.decomposition.prices.pricing import Pricing
from models.decomposition.prices.search_state import SearchState
from models.decomposition.primal.recovery import Recovered
from models.decomposition.tuning import Recovery
from models.outcome import ProgramValues


@dataclass(frozen=True, kw_only=True, eq=False)
class NeedlessBreaches:
    """Breaches of limits, reservations and orders."""

    kwh: float
    groups: Bools  # (G,) in whose blocks they are
    prices: DualPrices  # the best ones, but what each breach costs where it is


def to_mend(
    master: RestrictedMaster,
    pricing: Pricing,
    state: SearchState,
    found: Recovered,
    *,
    tuning: Recovery,
    ask: bool,
    say: Callable[[str], None],
) -> Bools | None:
    """Return the groups (G,) of which all columns should be mixed to keep promises; None where hardly any is broken.

    With `ask` they answer the price of each breach first.
    """
    needless = needless_breaches(master, state.centre, found.plain, cheap=tuning.cheap)
    if needless.kwh <= tuning.unkept_kwh:
        return None
    say(f"mixed again: {needless.kwh:.3f} kWh beyond limits or promises that cost little to keep")
    if ask:
        prices, asked = replace(needless.prices, near=pricing.keep()), needless.groups
        state.record(master, prices, pricing.respond(prices.scenario(), asked, prove=False), -np.inf, asked)
    return needless.groups


@dataclass(frozen=True, kw_only=True, eq=False)
class _Broken:
    """What is missed of one coupling's promises: amounts (n,T), kW, and what one kW more costs (n,T), EUR per ISP.

    That cost is above zero where programs are too high, below where they are too low.
    """

    kw: Floats
    eur_per_kw: Floats

    @staticmethod
    def nothing(rows: int, isps: int) -> "_Broken":
        return _Broken(kw=np.zeros((rows, isps)), eur_per_kw=np.zeros((rows, isps)))

    def add(self, rows: Ints, kw: Floats, eur_per_kw: Floats, *, cheapest_first: bool = False) -> None:
        """Add what is missed (m,T), and what a kW of it costs where it is missed, (m,T) or (m,1), at some rows (m,).

        All that is missed in an ISP is paid for; with cheapest_first, only the dearest counts.
        """
        np.add.at(self.kw, rows, kw)
        price = np.where(kw > 0, eur_per_kw, 0.0)
        if cheapest_first:
            most, least = np.zeros_like(self.kw), np.zeros_like(self.kw)
            np.maximum.at(most, rows, price)
            np.minimum.at(least, rows, price)
            self.eur_per_kw[:] += most + least
        else:
            np.add.at(self.eur_per_kw, rows, price)


def needless_breaches(
    master: RestrictedMaster, centre: DualPrices, program: ProgramValues, *, cheap: float
) -> NeedlessBreaches:  # fmt: skip
    """Return what is broken at prices above those of `centre` divided by `cheap`, a share below 1."""
    case, grouping, blocks = master.case, master.grouping, master.grouping.blocks
    points, calls, sums = *_at_points(case, program), _at_connections(case, grouping.places, program)
    kwh, inside, prices = 0.0, np.zeros(blocks.count + 1, dtype=np.bool_), list[Floats]()
    for best, kw, price, block in (
        (centre.program, points.kw[grouping.priced_points], points.eur_per_kw[grouping.priced_points], blocks.of_point),
        (centre.call, calls.kw[grouping.priced_points], calls.eur_per_kw[grouping.priced_points], blocks.of_point),
        (centre.connections, sums.kw, sums.eur_per_kw, blocks.of_sum),
    ):
        needless = np.abs(best) < cheap * np.abs(price)
        kwh += case.isp_hours * float(kw[needless].sum())
        inside[block[needless.any(axis=1)]] = True
        prices.append(np.where(needless, price, best))
    inside[-1] = False  # groups that see the portfolio's prices only
    program_prices, call, connections = prices
    return NeedlessBreaches(
        kwh=kwh, groups=inside[blocks.of_group],
        prices=replace(centre, program=program_prices, call=call, connections=connections),
    )  # fmt: skip


def _at_points(case: Case, program: ProgramValues) -> tuple[_Broken, _Broken]:
    """Return what is missed at congestion points (C+1,T), and of calls there (C+1,T)."""
    per_kw, limits, orders, reserved = case.isp_hours / 1000, case.limits, case.orders, case.reservations
    points, calls = (_Broken.nothing(len(case.points) + 1, case.isps) for _ in range(2))
    points.add(limits.point, program.breach_import_kw, per_kw * limits.penalty_eur_per_mwh[:, None])
    points.add(limits.point, program.breach_export_kw, -per_kw * limits.penalty_eur_per_mwh[:, None])
    if len(orders.name):
        side = np.where(program.point_kw[orders.point] > orders.most_kw, per_kw, -per_kw)
        points.add(orders.point, program.order_shortfall_kw, side * orders.penalty_eur_per_mwh[:, None])
    side = -per_kw * np.sign(reserved.reserved_kw)
    calls.add(
        reserved.point, program.reservation_shortfall_kw, side * reserved.penalty_eur_per_mwh[:, None],
        cheapest_first=True,
    )  # fmt: skip
    return points, calls


def _at_connections(case: Case, places: Places, program: ProgramValues) -> _Broken:
    """Return what is missed of limits at sums at connections (2S,T), import, then export."""
    count, per_kw, sums = len(case.connection_limits.name), case.isp_hours / 1000, places.sums
    broken = _Broken.nothing(2 * sums, case.isps)
    for first, imports, exports in (
        (0, program.connection_import_breach_kw, program.connection_export_breach_kw),
        (count, program.called_connection_import_breach_kw, program.called_connection_export_breach_kw),
    ):
        mine = np.flatnonzero((places.rows >= first) & (places.rows < first + count))
        limits = places.rows[mine] - first
        price = per_kw * case.connection_limits.penalty_eur_per_mwh[limits, None]
        if len(mine):
            broken.add(mine, imports[limits], price)
            broken.add(sums + mine, exports[limits], -price)
    return broken
