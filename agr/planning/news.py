"""What has become known since the plan in force was made: prices, forecasts and sessions, as far as plans can use it.

Each is compared with what that plan was made from, in ISPs that can still change; below its threshold it does not
matter.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from agr.domain.isp import Period
from agr.domain.kinds.quantities import POWER
from agr.domain.plan import Reason, ReasonKind
from agr.planning.case import programs_kw
from agr.planning.case.classes import CLASSES
from agr.planning.case.markets import intraday_prices, known_price
from agr.planning.closed import closed_isps
from agr.planning.difference import Solved
from agr.planning.inputs import forecasts_now
from agr.planning.missed_cars import cars_expected, missed
from agr.planning.ports import PlanningSettings, PlanReader
from agr.planning.prices_known import prices_now
from agr.planning.reaction import first_isp, last_known, settled_prices
from agr.planning.sessions_now import session_news
from agr.planning.stand_ins import points_by_group

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class StandingPlan:
    """The plan in force, and when it was made."""

    solved: Solved
    made: datetime


def news(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, plan: StandingPlan
) -> Reason | None:  # fmt: skip
    """Return why the rest of a Period is to be planned again; None where nothing new matters."""
    first = closed_isps(settings, period, now)
    found = (
        _sessions(reader, settings, period, now, plan),
        _imbalance(reader, settings, period, now, plan, first),
        _prices(reader, settings, period, now, plan, first),
        _powers(reader, settings, period, now, plan, first),
    )
    return next((reason for reason in found if reason is not None), None)


def left_overnight(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime
) -> Reason | None:  # fmt: skip
    """Return why a Period that has not begun is planned again: cars that its plan counts on left the day before."""
    gone = {one.resource for one in reader.sessions(period) if one.resource is not None and one.ended_at is not None}
    number = reader.number_in_force(period.day) if gone else None
    plan = None if number is None else reader.plan(number)
    if number is None or plan is None or settings.planning.rolling.session_kwh is None:
        return None
    solved = reader.archived(number)()
    if gone.isdisjoint(solved.named.stores()):
        return None
    return _sessions(reader, settings, period, now, StandingPlan(solved=solved, made=plan.created_at))


def _prices(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, plan: StandingPlan, first: int
) -> Reason | None:  # fmt: skip
    least, known = settings.planning.rolling.price_eur_per_mwh, plan.solved.named.case.intraday
    if least is None or first >= period.isp_count:
        return None
    prices = prices_now(reader, settings, period, now)
    price = known_price(settings.markets.day_ahead, prices, period.isp_count)
    buy, sell = intraday_prices(settings.markets.intraday, prices, price, [])
    moved = np.zeros(period.isp_count)
    for new, old, depth in (
        (buy, known.buy_eur_per_mwh, known.buy_depth_kw), (sell, known.sell_eur_per_mwh, known.sell_depth_kw),
    ):  # fmt: skip
        moved = np.fmax(moved, np.where(depth > 0, np.abs(new - old), 0.0))
    moved[:first] = 0.0
    isp = int(np.argmax(moved))
    if not moved[isp] > least:
        return None
    text = f"the intraday price of {period.label(isp + 1)} has moved by {moved[isp]:z,.2f} EUR/MWh"
    return Reason(kind=ReasonKind.PRICE, text=text)


def _imbalance(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, plan: StandingPlan, closed: int
) -> Reason | None:  # fmt: skip
    """Return a reason where the expected imbalance price of the next ISP has moved by more than half the margin."""
    reaction, first = settings.markets.imbalance.reaction, first_isp(period, now)
    if not reaction.on or first >= closed:
        return None
    known = last_known(settled_prices(settings.markets, prices_now(reader, settings, period, now), period, first - 1),
                       first - 1)  # fmt: skip
    if known is None:
        return None
    before = plan.solved.named.case.imbalance
    moved = max(
        abs(known[0] + reaction.margin_eur_per_mwh - before.short_eur_per_mwh[first]),
        abs(known[1] - reaction.margin_eur_per_mwh + before.long_eur_per_mwh[first]),
    )
    if not moved > reaction.margin_eur_per_mwh / 2:
        return None
    text = f"shortage costs {known[0]:z,.2f}, surplus earns {known[1]:z,.2f} EUR/MWh at last"
    return Reason(kind=ReasonKind.IMBALANCE, text=text)


def _powers(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, plan: StandingPlan, first: int
) -> Reason | None:  # fmt: skip
    least, named = settings.planning.rolling.power_kw, plan.solved.named
    if least is None or first >= period.isp_count:
        return None
    forecasts, moved = forecasts_now(reader, settings, period, now, plan.solved), np.zeros(period.isp_count)
    for units in CLASSES:
        if units.forecast_kw is None:
            continue
        for name, before in zip(named.of(units.name), units.forecast_kw(named.case), strict=True):
            after = forecasts.get((name, POWER.name))
            if after is not None and len(after) == len(moved):
                moved += after - before
    moved[:first] = 0.0
    isp = int(np.argmax(np.abs(moved)))
    if not abs(moved[isp]) > least:
        return None
    text = f"loads and generators are forecast {moved[isp]:+z,.1f} kW otherwise in {period.label(isp + 1)}"
    return Reason(kind=ReasonKind.FORECAST, text=text)


def _sessions(
    reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime, plan: StandingPlan
) -> Reason | None:  # fmt: skip
    least = settings.planning.rolling.session_kwh
    seen = () if least is None else reader.sessions(period)
    expects = cars_expected(plan.solved.named)
    if least is None or not (seen or expects):
        return None
    programs, register = programs_kw(plan.solved.named, plan.solved.outcome.programs), reader.register()
    found = session_news(register, seen, programs, period, now, plan.made)
    if expects:
        groups = points_by_group(register, reader.portfolio(period))
        expected = {name: programs[name] for name in expects}
        found = sorted(
            [*found, *missed(expected, seen, groups, period, now, plan.made)], key=lambda one: -one.kwh
        )  # fmt: skip
    total = sum(one.kwh for one in found)
    if not total > least:
        return None
    named = "; ".join(one.words for one in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Reason(kind=ReasonKind.SESSION, text=f"{total:,.1f} kWh otherwise: {named}{more}")
