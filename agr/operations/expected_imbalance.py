"""The imbalance that a Period is expected to end with: what was measured so far, and what the plan in force leaves.

Ended ISPs: what registers have counted, less what the program in force says, beside what no market delivers by plan.
Resources without registers are taken to follow their programs; cars that nobody planned count by those of their charge
points. MWh, shortage (more taken than bought) positive.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

import numpy as np

from agr.dispatch.registers import Quality
from agr.dispatch.unplanned import PREFIX
from agr.domain.isp import Clock, Period
from agr.nomination.split import Floats
from agr.operations.day_status import NOTHING_MWH, ImbalanceStatus
from agr.operations.execution.strangers import strangers
from agr.operations.plan_cache import PlanCache
from agr.operations.readings import ReadingIntake
from agr.operations.resource_programs import ProgramCache
from agr.planning.measured_now import past_isps
from agr.planning.settlement import SPREAD_BACK, SettlementPrices, settled_eur, settlement_prices
from agr.settings import Settings
from agr.store import charge_sessions, readings, register
from agr.store.engine import Store

KW_PER_MW = 1000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedImbalance:
    """One Period's imbalance as far as it is known, per ISP."""

    period: Period
    plan: int
    ended_isps: int
    measured: int  # resources whose registers were read in an ISP that has ended
    planned_mwh: Floats  # (T,) what no market delivers by the plan
    deviation_mwh: Floats  # (T,) measured less planned, in ended ISPs
    eur: Floats  # (T,) what both are settled for; NaN where no price is known
    prices: SettlementPrices

    @property
    def total_mwh(self) -> Floats:
        """Both together (T,)."""
        return self.planned_mwh + self.deviation_mwh

    @property
    def net_mwh(self) -> float:
        """The whole day, shortage and surplus against each other."""
        return float(self.total_mwh.sum())

    @property
    def total_eur(self) -> float | None:
        """The whole day; None where a price is missing in an ISP that is not balanced."""
        return None if np.isnan(self.eur).any() else float(self.eur.sum())


@dataclass(frozen=True, kw_only=True)
class _Key:
    plan: int
    newest: tuple[datetime | None, datetime | None]  # reading, and news of a charging session
    ended: int


class ImbalanceOutlook:
    """Works the expected imbalance out, once for each plan, ISP and reading. Thread-safe."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        plans: PlanCache,
        programs: ProgramCache,
        taken: ReadingIntake,
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._plans, self._programs, self._taken = plans, programs, taken
        self._lock = Lock()
        self._kept: tuple[_Key, ExpectedImbalance] | None = None

    def of(self, period: Period) -> ExpectedImbalance | None:
        """Return what a Period is expected to end with; None without a plan."""
        number = self._plans.number_in_force(period.day)
        if number is None:
            return None
        ended = past_isps(period, self._clock.now())
        with self._store.reading() as tx:
            key = _Key(plan=number, newest=(readings.newest_instant(tx), charge_sessions.newest_seen(tx)), ended=ended)
            known = register.prices(tx, period.start - SPREAD_BACK, period.end)
        prices = settlement_prices(self._settings, known, period)
        with self._lock:
            if self._kept is None or self._kept[0] != key:
                self._kept = key, self._worked_out(period, number, ended, prices)
            found = self._kept[1]
        return replace(found, prices=prices, eur=settled_eur(found.total_mwh, prices))

    def _worked_out(self, period: Period, number: int, ended: int, prices: SettlementPrices) -> ExpectedImbalance:
        planned = self._planned(period, number)
        deviation, measured = self._deviation(period, number, ended)
        return ExpectedImbalance(
            period=period, plan=number, ended_isps=ended, measured=measured, planned_mwh=planned,
            deviation_mwh=deviation, eur=settled_eur(planned + deviation, prices), prices=prices,
        )  # fmt: skip

    def _planned(self, period: Period, number: int) -> Floats:
        """Return what no market delivers by the plan (T,), MWh; a plan that is balanced need not be unpacked."""
        head = self._plans.head(number)
        if head is not None and head.plan.result.imbalance_mwh < NOTHING_MWH:
            return np.zeros(period.isp_count)
        outcome = self._plans.solved(number).outcome
        return np.asarray((outcome.short_kw - outcome.long_kw) * period.isp_hours / KW_PER_MW)

    def _deviation(self, period: Period, number: int, ended: int) -> tuple[Floats, int]:
        """Return measured less planned (T,), MWh, and of how many resources."""
        deviation, measured = np.zeros(period.isp_count), 0
        if not ended:
            return deviation, 0
        with self._store.reading() as tx:
            names = readings.reporting(tx, period.start, min(period.end, self._clock.now()))
            energies = self._taken.energies(tx, period, names)
            points = {row.charge_point: row for row in register.load_tables(tx, "charge_points").charge_points}
            longest = timedelta(minutes=self._settings.readings.longest_gap_minutes)
            beside = strangers(tx, period, points, longest) if points else {}
        energies |= {name: one.energy for name, one in beside.items()}
        if not energies:
            return deviation, 0
        programs = self._programs.of(number)
        for name, energy in energies.items():
            program = programs.of_resource(name)
            least = Quality.PARTIAL if name in beside else Quality.INTERPOLATED  # who is not there takes nothing
            whole = (energy.quality >= least) & (np.arange(period.isp_count) < ended)
            if (program is None and not name.startswith(PREFIX)) or not whole.any():
                continue
            measured += 1
            planned_kw = np.zeros(period.isp_count) if program is None else program.power_kw
            deviation[whole] += energy.kwh[whole] / KW_PER_MW - planned_kw[whole] * period.isp_hours / KW_PER_MW
        return deviation, measured


def imbalance_status(store: Store, settings: Settings, clock: Clock, period: Period) -> ImbalanceStatus | None:
    """Return what a Period is expected to end with, for a command that looks once; None without a plan."""
    cache = PlanCache(store)
    taken = ReadingIntake(store, settings, clock, lambda: None)
    found = ImbalanceOutlook(store, settings, clock, cache, ProgramCache(store, cache), taken).of(period)
    if found is None:
        return None
    unbalanced = np.abs(found.total_mwh) > NOTHING_MWH
    return ImbalanceStatus(
        plan=found.plan, ended_isps=found.ended_isps, measured_resources=found.measured, net_mwh=found.net_mwh,
        value=found.total_eur, stands_in=bool((found.prices.stand_in & unbalanced).any()),
    )  # fmt: skip
