"""Checks the worth of what batteries and buffers hold at midnight, where plans look ahead to the days after. Pure.

The rest of a store's time is stated as a linear program. Of each kind a few are looked at, because each takes
milliseconds. Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.heat_pump import HeatPump
from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.day import Day, after, calendar_after
from agr.planning.case_audit.expected_stores import Stores, batteries, heat_pumps
from agr.planning.case_audit.facts import Calendar, Floats
from agr.planning.case_audit.findings import differences

_LOOKED_AT = 5
"""Most stores of each kind that are checked, evenly spread over the table."""
_EUR = 1e-5
"""Two computations of a worth may differ by this, in EUR."""
_LEAST_COP = 1e-3


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield stores whose content is valued at more or less at midnight than it can save or earn on the days after."""
    number = context.facts.planning.look_ahead_days
    if not number:
        return
    days = _days(context.facts.period, number)
    price = context.later_price[: sum(day.isps for day in days)] / 1000
    if np.isnan(price).any():
        return  # clocks change on a day whose price is not known
    for kind, made in ((Battery, batteries), (HeatPump, heat_pumps)):
        here, _ = context.found("storage", context.ours(kind))
        few = [here[i] for i in np.unique(np.linspace(0, len(here) - 1, _LOOKED_AT).astype(np.int64))] if here else []
        for row in few:
            yield from _compared(context, days, price, row, made(context, [row]))


def _days(period: Calendar, number: int) -> list[Day]:
    found = []
    for _ in range(number):
        found.append(after(period))
        period = calendar_after(period)
    return found


def _compared(context: AuditContext, days: list[Day], price: Floats, row: Any, store: Stores) -> Iterator[str]:
    """Compare differences of worth between the least, the most and a kink with those of the least costs afterwards."""
    heat, gain = _followed(context, days, row, store)
    if np.isnan(heat + gain).any():
        return  # clocks change on a day whose forecast is not known
    data, place = context.case.storage, context.rows_of("storage", [row.resource])
    most = float(store.high_kwh[0, -1])
    least = row.minimum_kwh if isinstance(row, Battery) else 0.0
    kinks = data.worth_from_kwh[place[0]]
    inside = kinks[(kinks > least) & (kinks < most)]
    energies = np.array([least, *inside[len(inside) // 2 : len(inside) // 2 + 1], most])
    later = _Later(context, days, price, heat, gain, row, store)
    costs = np.array([later.cost_eur(float(energy)) for energy in energies])
    everyone = np.repeat(place, len(energies))
    worth = data.worth_eur(everyone, energies)
    name = [row.resource] * (len(energies) - 1)
    yield from differences(name, "worth of what it holds at midnight", np.diff(worth), -np.diff(costs), absolute=_EUR)


class _Later:
    """A store on the days after midnight, as a linear program.

    Columns per ISP: kW in, kW out, content, kWh that is missing and kWh too many. Rows: content = kept·before + in −
    out − demand + missing − too many; and it is charged for a part of an ISP and discharged for another at most.
    """

    def __init__(
        self, context: AuditContext, days: list[Day], price: Floats, heat: Floats, gain: Floats, row: Any, store: Stores
    ) -> None:  # fmt: skip
        from scipy.sparse import csr_array, diags_array, eye_array, hstack

        isps, hours = len(price), context.day.hours
        same, none = eye_array(isps), csr_array((isps, isps))
        self._kept = float(store.retention[0])
        moved = same - diags_array(np.full(isps - 1, self._kept), offsets=-1, shape=(isps, isps))
        loss = float(store.discharge_efficiency[0])
        self._rows = hstack([diags_array(-hours * gain), hours / loss * same, moved, -same, same]).tocsr()
        self._due = -heat * hours
        into, out = float(_power(row)), float(getattr(row, "discharge_kw", 0.0))
        self._shared = (
            hstack([same / into, same / out, none, none, none]).tocsr() if into > 0 and out > 0 else None
        )  # fmt: skip
        wear, missed = float(store.wear_eur_per_kwh[0]), context.facts.planning.comfort_shortfall_eur_per_kwh
        self._cost = np.concatenate(
            [hours * (wear + price), hours * (wear - price), np.zeros(isps), np.full(2 * isps, missed)]
        )  # fmt: skip
        self._cost[3 * isps - 1] = -row.end_worth_eur_per_mwh / 1000
        least = np.full(isps, getattr(row, "minimum_kwh", 0.0))
        for last in np.cumsum([day.isps for day in days]):
            least[last - 1] = max(least[last - 1], row.end_kwh)
        self._low = np.concatenate([np.zeros(2 * isps), least, np.zeros(2 * isps)])
        most = np.full(isps, float(store.high_kwh[0, -1]))
        self._high = np.concatenate([np.full(isps, into), np.full(isps, out), most, np.full(2 * isps, np.inf)])

    def cost_eur(self, held_kwh: float) -> float:
        """Return the least cost of the days, EUR, beginning with `held_kwh`; NaN where there is none."""
        from scipy.optimize import linprog  # imported here, because it takes a while

        due = self._due.copy()
        due[0] += self._kept * held_kwh
        found = linprog(
            self._cost, A_eq=self._rows, b_eq=due, A_ub=self._shared,
            b_ub=None if self._shared is None else np.ones(len(due)), bounds=np.column_stack([self._low, self._high]),
            method="highs",
        )  # fmt: skip
        return float(found.fun) if found.success else np.nan


def _power(row: Any) -> float:
    return float(row.power_kw if isinstance(row, HeatPump) else row.charge_kw)


def _followed(context: AuditContext, days: list[Day], row: Any, store: Stores) -> tuple[Floats, Floats]:
    """Return heat, kW, and what a kW brings in, of each ISP (n,) after midnight; NaN where the audit knows none."""
    if not isinstance(row, HeatPump):
        isps = sum(day.isps for day in days)
        return np.zeros(isps), np.full(isps, row.charge_efficiency)
    heat, cop = store.demand_kwh[0] / context.day.hours, store.charge_efficiency[0]
    found, before = list[tuple[Floats, Floats]](), context.day
    for number, day in enumerate(days):
        known = (context.facts.later_forecasts or ({},) * len(days))[number]
        stand_in = [_same_clock(before, day, values) for values in (heat, cop)]
        heat, cop = (
            np.asarray(known.get((row.resource, name), other), dtype=np.float64)
            for name, other in zip(("heat_kw", "cop"), stand_in, strict=True)
        )
        cop = np.maximum(cop, _LEAST_COP)
        found.append((heat, cop))
        before = day
    return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])


def _same_clock(before: Day, day: Day, values: Floats) -> Floats:
    """Return the values of the day before at the same time on the clock; NaN where it does not have it just once."""
    times, first, counts = np.unique(before.clock, return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(times, day.clock), len(times) - 1)
    known = (times[place] == day.clock) & (counts[place] == 1)
    return np.where(known, values[first[place]], np.nan)
