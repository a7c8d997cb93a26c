"""What the night's cars cost by doing otherwise than planned, and what planning the rest of the day again saves.

Only the cars at charge points are considered, with what was bought for them. If the plan is kept, what a car that has
left does not take, and what an unplanned one takes, is settled as imbalance; if the day is planned again when the first
car has left, the rest is traded intraday as far as its gates are open. Settlement prices of the day are not known:
imbalance is assumed to settle 78 EUR/MWh away from the day-ahead price, the mean distance of Dutch prices in 2024.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Portfolio, Register
from agr.planning.case import Inputs, Previous, Reaction, build, programs_kw
from agr.planning.case.markets import known_price
from agr.planning.closed import closed_isps
from agr.planning.measured_now import past_isps
from agr.planning.ports import PlanningSettings, Solver
from agr.planning.prices_known import prices_now
from agr.planning.sessions_now import Programs, as_seen
from agr.planning.stored_plans import StoredInputs
from agr.settings import Settings
from agr.store.charge_sessions import ChargeSession
from agr.store.engine import Store

DISTANCE_EUR_PER_MWH = 78.0
_AFTER = timedelta(minutes=5)
"""How long after a car has left the remaining day would be planned again."""


@dataclass(frozen=True, kw_only=True)
class NightMoney:
    """What deviating costs, EUR, and what planning again at an instant saves of it."""

    cost_eur: float
    saved_eur: float
    planned_again_at: datetime | None  # None: no car has left early

    def words(self) -> str:
        """Say it in a line."""
        cost = f"deviating costs {self.cost_eur:.2f} EUR if the plan is kept"
        if self.planned_again_at is None:
            return cost
        return f"{cost}; planning the rest again at {self.planned_again_at:%H:%M} saves {self.saved_eur:.2f} EUR of it"


def night_money(
    store: Store, settings: Settings, solver: Solver, period: Period, now: datetime, rows: Sequence[EvSession]
) -> NightMoney:  # fmt: skip
    """Return what the sessions of some planned cars, and unplanned ones, have cost by now, and what can be saved."""
    with store.reading() as tx:
        reader = StoredInputs(tx)
        number = reader.number_in_force(period.day)
        if number is None:
            return NightMoney(cost_eur=0.0, saved_eur=0.0, planned_again_at=None)
        solved, sessions = reader.archived(number)(), reader.sessions(period)
        prices, known = prices_now(reader, settings, period, now), reader.register()
    names = {row.resource for row in rows}
    programs = programs_kw(solved.named, solved.outcome.programs)
    starts = dict(zip(solved.named.stores(), solved.named.case.storage.energy_start_kwh.tolist(), strict=True))
    mine = Register(
        connections=tuple(one for one in known.connections if one.address in {row.connection for row in rows}),
        resources=tuple(row for row in known.of(EvSession) if row.resource in names),
    )
    planned = {name: kw for name, kw in programs.items() if name in names}
    return money_of(mine, sessions, planned, starts, prices, settings, solver, period, now)


def money_of(
    mine: Register, sessions: Sequence[ChargeSession], planned: Programs, starts: Mapping[str, float],
    prices: Mapping[str, tuple[float | None, ...]], settings: PlanningSettings, solver: Solver, period: Period,
    now: datetime,
) -> NightMoney:  # fmt: skip
    """Return the same of a register with nothing but cars, their programs (T,), kW, and contents at the start, kWh."""
    seen = as_seen(mine, sessions, planned, period)
    price = known_price(settings.markets.day_ahead, prices, period.isp_count)
    inputs = Inputs(
        period=period,
        portfolio=Portfolio(
            period=period, points=(), free_connections=tuple(one.address for one in mine.connections)
        ),
        register=seen.register, forecasts={}, prices=prices, reserved_w={},
        fixed={DAY_AHEAD: tuple(sum(planned.values(), np.zeros(period.isp_count)).tolist())},
        carried_state=dict(starts),
        markets=settings.markets.model_copy(update={"capacity": ()}), planning=settings.planning,
        closed_isps=period.isp_count, past_isps=past_isps(period, now),
        previous=Previous(programs_kw=seen.programs_kw, intraday_kw=np.zeros(period.isp_count)),
        reaction=Reaction(
            first=period.isp_count, short_eur_per_mwh=price + DISTANCE_EUR_PER_MWH,
            surplus_eur_per_mwh=price - DISTANCE_EUR_PER_MWH,
        ),
    )  # fmt: skip
    kept = _traded_eur(solver, inputs)
    strangers = sum(one.delivered_kwh or 0.0 for one in sessions if one.resource is None)
    bought = np.array(inputs.fixed[DAY_AHEAD], dtype=np.float64)
    worth = float(price @ (bought - sum(seen.programs_kw.values(), np.zeros(period.isp_count))))
    cost = worth * period.isp_hours / 1000 - kept + strangers * DISTANCE_EUR_PER_MWH / 1000
    left = _first_left(sessions, seen.left)
    if left is None:
        return NightMoney(cost_eur=cost, saved_eur=0.0, planned_again_at=None)
    again = left + _AFTER
    opened = replace(inputs, closed_isps=closed_isps(settings, period, again), past_isps=past_isps(period, again))
    saved = _traded_eur(solver, opened) - kept
    return NightMoney(cost_eur=cost, saved_eur=saved, planned_again_at=again.astimezone(period.tz))


def _first_left(sessions: Sequence[ChargeSession], left: Sequence[str]) -> datetime | None:
    return min((one.ended_at for one in sessions if one.ended_at is not None and one.resource in left), default=None)


def _traded_eur(solver: Solver, inputs: Inputs) -> float:
    """Return what intraday trades and imbalance earn in the best program, EUR."""
    terms = solver.solve(build(inputs).case).outcome.terms_eur
    return terms.get("intraday", 0.0) + terms.get("imbalance", 0.0)
