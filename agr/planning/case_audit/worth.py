"""Checks the worth of the energy in a car that stays over midnight: it is what charging it later really costs. Pure.

Where a car gives nothing back, the least cost of charging is a sum over the cheapest ISPs. A car that gives back is
stated as a linear program; of these a few are looked at, because each takes milliseconds.
Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agr.domain.kinds.ev_session import EvSession
from agr.planning.case_audit.context import AuditContext, Rows
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import differences

_GIVING_BACK = 20
"""Most cars that can discharge (V2G) that are checked, evenly spread over the table."""
_EUR = 1e-5
"""Two computations of a worth may differ by this, in EUR."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stay:
    """The rest of a car's stay after midnight, in ISPs."""

    car: EvSession
    hours: Floats  # (n,) plugged in
    eur_per_kwh: Floats  # (n,)

    @property
    def known(self) -> bool:
        """Whether all its prices are known."""
        return not bool(np.isnan(self.eur_per_kwh).any())


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield cars whose missing energy is valued at more or less at midnight than charging it later costs."""
    stays = [stay for row in context.ours(EvSession) if (stay := _stay(context, row)) is not None and stay.known]
    taking = [stay for stay in stays if stay.car.discharge_kw == 0]
    giving = [stay for stay in stays if stay.car.discharge_kw > 0]
    few = (
        [giving[i] for i in np.unique(np.linspace(0, len(giving) - 1, _GIVING_BACK).astype(np.int64))] if giving else []
    )
    chosen = {stay.car.resource: stay for stay in (*taking, *few)}
    here, rows = context.found("storage", [stay.car for stay in chosen.values()])
    if here:
        yield from _compared(context, [chosen[car.resource] for car in here], rows)


def _stay(context: AuditContext, car: EvSession) -> _Stay | None:
    """Return what is left of a stay after midnight; None where nothing is, or where it is longer than prices are."""
    day, price = context.day, context.later_price
    until = day.since(car.departure) - day.minutes
    if day.since(car.arrival) >= day.minutes or not 0 < until <= len(price) * day.length:
        return None
    begins = np.arange(len(price), dtype=np.float64) * day.length
    plugged = np.clip(until - begins, 0.0, day.length) / 60
    there = plugged > 0
    return _Stay(car=car, hours=plugged[there], eur_per_kwh=price[there] / 1000)


def _compared(context: AuditContext, stays: list[_Stay], rows: Rows) -> Iterator[str]:
    """Compare the worth of what a car still needs with the cost of charging it later, from what it must hold on."""
    data = context.case.storage
    target = np.array([stay.car.initial_kwh + stay.car.energy_kwh for stay in stays])
    most = data.energy_max_kwh[rows, -1]
    least = np.minimum(np.maximum(data.energy_min_kwh[rows, -1], 0.0), target)
    worth = data.worth_eur(rows, target) - data.worth_eur(rows, least)
    due = np.array(
        [
            _cost_eur(stay, low, need, full) - _cost_eur(stay, need, need, full)
            for stay, low, need, full in zip(stays, least.tolist(), target.tolist(), most.tolist(), strict=True)
        ]
    )
    names = [stay.car.resource for stay in stays]
    yield from differences(names, "worth of the energy it still needs at midnight", worth, due, absolute=_EUR)


def _cost_eur(stay: _Stay, held: float, need: float, most: float) -> float:
    """Return the least cost, EUR, of bringing a car from `held` to `need` kWh or more, up to `most`, by departure."""
    return (
        _bought_eur(stay, need - held, most - held)
        if stay.car.discharge_kw == 0
        else _traded_eur(stay, held, need, most)
    )


def _bought_eur(stay: _Stay, owed: float, space: float) -> float:
    """Return what charging `owed` kWh costs, and up to `space` where that pays; nothing is given back."""
    car, total = stay.car, 0.0
    room = car.charge_kw * stay.hours * car.charge_efficiency  # kWh in the battery
    eur = (stay.eur_per_kwh + car.wear_eur_per_mwh / 1000) / car.charge_efficiency  # per kWh in the battery
    for isp in np.argsort(eur, kind="stable").tolist():
        amount = min(room[isp], space if eur[isp] < 0 else owed)
        if amount <= 0:
            break
        total += amount * eur[isp]
        owed, space = owed - amount, space - amount
    return float(total)


def _traded_eur(stay: _Stay, held: float, need: float, most: float) -> float:
    """Return the least cost of charging and giving back, EUR; NaN where the need cannot be met.

    Columns: kWh in and out at the meter, and the content, of each ISP. Rows: content = before + in·ηc − out/ηd.
    """
    from scipy.optimize import linprog  # imported here, because it takes a while
    from scipy.sparse import diags_array, eye_array, hstack

    car, isps = stay.car, len(stay.hours)
    wear, same = car.wear_eur_per_mwh / 1000, eye_array(isps)
    kept = same - diags_array(np.ones(isps - 1), offsets=-1, shape=(isps, isps))
    least = np.append(np.zeros(isps - 1), need)
    found = linprog(
        np.concatenate([stay.eur_per_kwh + wear, wear - stay.eur_per_kwh, np.zeros(isps)]),
        A_eq=hstack([-car.charge_efficiency * same, same / car.discharge_efficiency, kept]).tocsr(),
        b_eq=np.append(held, np.zeros(isps - 1)),
        bounds=np.column_stack(
            [
                np.concatenate([np.zeros(2 * isps), least]),
                np.concatenate([car.charge_kw * stay.hours, car.discharge_kw * stay.hours, np.full(isps, most)]),
            ]
        ),
        method="highs",
    )
    return float(found.fun) if found.success else np.nan
