"""Audits the money of a finished run of days: what is reported is cash that somebody pays, and what is left in stores.

Over the plans in force, day by day: every term belongs to a counterparty, to the owner, or is a planning price that is
named as such; every kWh that resources take is bought exactly once, at a price of the tables; each day debits what the
day before has credited, and begins with the energy that was left. So the sum over days is
Σ cash + Σ planning prices + worth of what is left at the very end − worth of what was there at the beginning.
Source: docs/reference/formulation.md §4.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.quantities import STORED
from agr.domain.register import Price
from agr.planning.case import carried_states, left_eur, programs_kw
from agr.scenario.day import Step, in_force
from agr.scenario.scenario import Scenario

PAID = ("day-ahead", "intraday", "imbalance", "availability")
"""Terms that a counterparty pays or is paid, beside the capacity products"""
BORNE = ("wear", "curtailment", "starts")
"""Costs of the owners"""
AGREED = ("limit breach", "reservation shortfall", "reserve shortfall")
"""Penalties, to be paid where the plan comes true"""
PLANNING = ("comfort shortfall", "called comfort shortfall", "prognosis change")
"""Planning prices: money that nobody pays"""
CARRIED = ("stored energy", "later runs", "brought forward")
"""Worth that is handed from one day to the next"""
_KW, _SHARE, _EUR = 1e-3, 1e-6, 1e-3
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Cash:
    """The money of a run of days, EUR, earned positive, and what is wrong with it."""

    paid_eur: float  # by or to counterparties, penalties included
    borne_eur: float  # by owners
    planning_eur: float  # planning prices, which nobody pays
    left_eur: float  # worth of what is left at the end, less what was brought into the first day
    reported_eur: float
    findings: tuple[str, ...]


def cash_audit(scenario: Scenario, steps: Sequence[Step]) -> Cash:
    """Return the money of the plans in force, in the order of their days, with findings that name the day."""
    days = [in_force([s for s in steps if s.period == p]) for p in sorted({s.period for s in steps})]
    markets = tuple(f"capacity {product.name}" for product in scenario.description.markets.capacity)
    sums = {"paid": 0.0, "borne": 0.0, "planning": 0.0, "carried": 0.0, "": 0.0}
    findings, group = list[str](), _groups(markets)
    for step in days:
        for term, eur in step.solved.outcome.terms_eur.items():
            sums[group.get(term, "")] += eur
            if term not in group and abs(eur) > _EUR:
                findings.append(f"{step.period}: the term {term!r} of {eur:.2f} EUR is paid by nobody known")
        findings += [f"{step.period}: {words}" for words in (*_energy(step), *_price(scenario, step))]
    for before, step in zip([None, *days], days, strict=False):
        measured = {name for name, what in scenario.forecasts.get(step.period.day, {}) if what == STORED.name}
        findings += [f"{step.period}: {words}" for words in _handed_on(before, step, measured)]
    reported = sum(step.solved.outcome.objective_eur for step in days)
    if abs(reported - sum(sums.values())) > _EUR + _SHARE * sum(map(abs, sums.values())):
        findings.append(f"reported are {reported:.2f} EUR, the terms add up to {sum(sums.values()):.2f} EUR")
    return Cash(
        paid_eur=sums["paid"], borne_eur=sums["borne"], planning_eur=sums["planning"], left_eur=sums["carried"],
        reported_eur=reported, findings=tuple(findings),
    )  # fmt: skip


def _groups(markets: Sequence[str]) -> dict[str, str]:
    named = {"paid": (*PAID, *AGREED, *markets), "borne": BORNE, "planning": PLANNING, "carried": CARRIED}
    return {term: group for group, terms in named.items() for term in terms}


def _energy(step: Step) -> Iterator[str]:
    """Yield ISPs in which the energy that resources take is not bought, once."""
    outcome = step.solved.outcome
    programs = programs_kw(step.solved.named, outcome.programs)
    taken = sum(programs.values(), np.zeros(step.solved.named.case.isps))
    bought = outcome.day_ahead_kw + outcome.intraday_buy_kw - outcome.intraday_sell_kw
    bought = bought + outcome.short_kw - outcome.long_kw
    size = sum((np.abs(power) for power in programs.values()), np.zeros(len(taken)))
    wrong = np.flatnonzero(np.abs(taken - bought) > _KW + _SHARE * size)
    if len(wrong):
        isp = int(wrong[0])
        yield f"in {len(wrong)} ISPs (first: {isp + 1}) {taken[isp]:.3f} kW are taken and {bought[isp]:.3f} kW bought"


def _price(scenario: Scenario, step: Step) -> Iterator[str]:
    """Yield what the day-ahead term differs from positions at prices of the tables: results, or what was expected."""
    settings, case = scenario.description.markets.day_ahead, step.solved.named.case
    rows = {name: _of_series(scenario.register.prices, name) for name in (settings.series, settings.forecast_series)}
    stated = case.day_ahead.price_eur_per_mwh
    length, begin = timedelta(hours=case.isp_hours), step.period.start
    for isp in range(case.isps):
        known = [_mean(prices, begin + isp * length, length) for prices in rows.values()]
        if not any(abs(price - stated[isp]) <= _SHARE * (1 + abs(price)) for price in known if price is not None):
            yield f"ISP {isp + 1} is bought at {stated[isp]:.2f} EUR/MWh, the tables have {known}"
            return
    due = -float((stated * step.solved.outcome.day_ahead_kw).sum()) * case.isp_hours / 1000
    told = step.solved.outcome.terms_eur.get("day-ahead", 0.0)
    if abs(due - told) > _EUR + _SHARE * float(np.abs(stated * step.solved.outcome.day_ahead_kw).sum()) / 1000:
        yield f"day-ahead trade is reported as {told:.2f} EUR and costs {due:.2f} EUR"


def _of_series(prices: Sequence[Price], name: str) -> list[Price]:
    return [price for price in prices if price.series == name]


def _mean(prices: Sequence[Price], begin: datetime, length: timedelta) -> float | None:
    """Return the mean price of an interval, minute by minute; of two prices that overlap the later one counts."""
    minutes = [begin + timedelta(minutes=m) for m in range(round(length / timedelta(minutes=1)))]
    near = sorted(
        (p for p in prices if p.start < begin + length and p.start + timedelta(minutes=p.minutes) > begin),
        key=lambda p: (p.start, -p.minutes),
    )
    values = []
    for minute in minutes:
        valid = [p.value for p in near if p.start <= minute < p.start + timedelta(minutes=p.minutes)]
        if not valid:
            return None
        values.append(valid[-1])
    return sum(values) / len(values)


def _handed_on(before: Step | None, step: Step, measured: Collection[str]) -> Iterator[str]:
    """Yield where a day does not begin with the debit and the energy that the plan in force of the day before leaves.

    What was measured at midnight is a fact, whatever was planned.
    """
    outcome, named = step.solved.outcome, step.solved.named
    debit = outcome.terms_eur.get("brought forward", 0.0)
    if before is None:
        if abs(debit) > _EUR:
            yield f"{debit:.2f} EUR are brought forward from a day that is not in the run"
        return
    credit = left_eur(before.solved.outcome.terms_eur)
    if abs(credit + debit) > _EUR + _SHARE * abs(credit):
        yield f"{-debit:.2f} EUR are brought forward, the day before credits {credit:.2f} EUR for what it leaves"
    left = carried_states(before.solved.named, before.solved.outcome.programs)
    starts = dict(zip(named.of("storage"), named.case.storage.energy_start_kwh.tolist(), strict=True))
    for name, begins in starts.items():
        if name in left and name not in measured and abs(begins - left[name]) > _KW + _SHARE * abs(begins):
            yield f"{name} begins with {begins:.3f} kWh, the day before leaves {left[name]:.3f} kWh"
            return
