"""Checks what the energy in a car that stays over midnight counts: what charging it later really costs. Pure.

Only where every price until the departure is known, and the car gives nothing back: there the least cost of charging
is a sum over the cheapest ISPs. Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator

import numpy as np

from agr.domain.kinds.ev_session import EvSession
from agr.planning.case_audit.context import Context
from agr.planning.case_audit.day import Day, after
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import differences


def check_case(context: Context) -> Iterator[str]:
    """Yield cars whose missing energy counts more or less at midnight than charging it later costs."""
    following, day = after(context.facts.period), context.day
    price = _later_price(context, following)
    cars = [
        row
        for row in context.ours(EvSession)
        if day.since(row.arrival) < day.minutes < day.since(row.departure) and row.discharge_kw == 0
        and _known(price, following, following.since(row.departure))
    ]  # fmt: skip
    here, rows = context.found("storage", cars)
    if not here:
        return
    data = context.case.storage
    target = np.array([row.initial_kwh + row.energy_kwh for row in here])
    most = data.energy_max_kwh[rows, -1]
    least = np.minimum(np.maximum(data.energy_min_kwh[rows, -1], 0.0), target)
    worth = data.worth_eur(rows, target) - data.worth_eur(rows, least)
    due = np.array(
        [
            _cost_eur(row, following, price, low, need, full) - _cost_eur(row, following, price, need, need, full)
            for row, low, need, full in zip(here, least, target, most, strict=True)
        ]
    )
    names = [row.resource for row in here]
    yield from differences(names, "worth of the energy it still needs at midnight", worth, due, absolute=1e-5)


def _later_price(context: Context, following: Day) -> Floats:
    """Return the price (T,) of the next day: results, else what is expected; NaN where neither is known."""
    settings, found = context.facts.markets.day_ahead, np.full(following.isps, np.nan)
    for name in (settings.forecast_series, settings.series):
        for isp, value in enumerate(context.facts.later_prices.get(name, ())):
            if value is not None:
                found[isp] = value
    return found


def _known(price: Floats, day: Day, until: float) -> bool:
    """Say whether prices are known until so many minutes after midnight, which must be on that day."""
    return until <= day.minutes and not bool(np.isnan(price[day.begins < until]).any())


def _cost_eur(car: EvSession, day: Day, price: Floats, held: float, need: float, most: float) -> float:
    """Return the least cost, EUR, of bringing a car from `held` to `need` kWh or more, up to `most`, by departure."""
    left = day.since(car.departure)
    minutes = np.clip(left - day.begins, 0.0, day.length)
    room = car.charge_kw * minutes / 60 * car.charge_efficiency  # kWh in the battery
    eur = (price + car.wear_eur_per_mwh) / 1000 / car.charge_efficiency  # per kWh in the battery
    there = np.flatnonzero(room > 0)
    total, owed, space = 0.0, need - held, most - held
    for isp in there[np.argsort(eur[there], kind="stable")].tolist():
        amount = min(room[isp], space if eur[isp] < 0 else owed)
        if amount <= 0:
            break
        total += amount * eur[isp]
        owed, space = owed - amount, space - amount
    return total
