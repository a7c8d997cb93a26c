"""Past days: what the plan in force of each earned, what the first plan expected, which promises were kept."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import structlog
from pydantic import TypeAdapter
from pydantic_core import to_json

from agr.dispatch import unplanned
from agr.domain.errors import InputError, StoreError
from agr.domain.flexibility import kwh_of
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState
from agr.history.facts import Fact, brps_eur, connections_eur, facts_of, facts_of_summary
from agr.planning import plan_loader
from agr.planning.promises import GAP, at_risk, made_by
from agr.planning.settlement import SPREAD_BACK, settled_eur, settlement_prices
from agr.settings import Settings
from agr.store import executions, flex_orders, history, nominations, plans, register
from agr.store.engine import Store, Tx

log = structlog.get_logger()

LONGEST = timedelta(days=1100)
_UNDECIDED = ("superseded",)


@dataclass(frozen=True, kw_only=True)
class KeptPromises:
    """Promises of one day: kinds of promise to customers and the market, D-Prognoses, e-programs."""

    kept: int
    broken: tuple[str, ...]  # each in words


@dataclass(frozen=True, kw_only=True)
class PastOrder:
    """What a DSO ordered and settled; money in EUR, earned positive."""

    reference: str
    dso: str
    congestion_point: str
    contract: str  # empty: on the free market
    state: str
    mwh: float  # of all deviations ordered, not negative
    ordered_eur: float
    settled_eur: float | None  # by the DSO's newest settlement; None: none yet
    expected_eur: float | None  # what should have been settled, by our records


@dataclass(frozen=True, kw_only=True)
class Executed:
    """What became of a day's plans, where it was measured; consumption positive."""

    measured_mwh: float
    deviation_mwh: float  # sum of the absolute deviations of each resource in each ISP, so that none cancels another
    deviation_eur: float | None  # imbalance settlement of all deviations together; None: a price is not known


@dataclass(frozen=True, kw_only=True)
class PastDay:
    """One Period. Money as its plan in force has it, EUR, earned positive."""

    period: Period
    plan: Plan  # in force, without what only its programs tell
    plans: int  # all that were made, previews and failed ones included
    first_plan_eur: float  # money that the first plan in force expected: the forecast
    facts: tuple[Fact, ...]
    promises: KeptPromises
    prognoses: Mapping[str, int]  # state of the newest revision → congestion points
    fault: str = ""  # why only the summary of its plan shows what it earned, although its programs should be there
    orders: tuple[PastOrder, ...] = ()  # of flexibility
    executed: Executed | None = None  # None: nothing was measured

    def eur(self, *whose: str) -> float:
        """Return the sum of what belongs to some of agr.history.facts.WHOSE."""
        return sum(fact.eur for fact in self.facts if fact.whose in whose)


@dataclass(frozen=True, kw_only=True)
class Parties:
    """What a plan's programs say of who earned: (connection or BRP, term, whose) → EUR; empty: of the portfolio."""

    connections: Mapping[tuple[str, str, str], float]
    brps: Mapping[tuple[str, str, str], float]


@dataclass(frozen=True, kw_only=True)
class Earned:
    """What is kept of a day, so that neither its plans nor their programs have to be read again."""

    plan: Plan  # in force
    first_plan_eur: float
    facts: tuple[Fact, ...]
    fault: str = ""  # never kept: what has one is computed again
    executed: Executed | None = None  # kept when the day is over, since what it comes from is personal data


@cache
def _adapter() -> TypeAdapter[Earned]:
    return TypeAdapter(Earned)


class DayHistory:
    """Reads past days from a store. What a plan earned is computed once, and kept there."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def between(self, first: date, last: date) -> tuple[PastDay, ...]:
        """Return every Period from first to last with a plan in force. Raises InputError for an impossible range."""
        if last < first:
            raise InputError(f"the last day, {last}, is before the first, {first}")
        if last - first > LONGEST:
            raise InputError(f"{first} to {last} are more than {LONGEST.days} days; ask for a part of them")
        with self._store.reading() as tx:
            planned, kept = history.planned(tx, first, last), history.kept(tx, first, last)
        return tuple(self._day(day, kept.get(day)) for day in planned)

    def keep(self, period: Period) -> str:
        """Keep what a Period that is over earned, and what was executed, while all that this is computed from is there.

        Returns why that cannot be, empty where it can.
        """
        found = self.between(period.day, period.day)
        with self._store.transaction() as tx:
            kept, measured = history.kept(tx, period.day, period.day), _measured(tx, self._settings, period)
            if measured is not None and period.day in kept:
                plan, earned = kept[period.day]
                history.put(
                    tx, period.day, plan, _written(replace(_adapter().validate_json(earned), executed=measured))
                )
        return "; ".join(day.fault for day in found if day.fault)

    def parties(self, days: Sequence[PastDay]) -> tuple[Parties, ...]:
        """Return what connections and their BRPs earned on each day, by what the register says of them now.

        Raises InputError where programs are no longer kept, StoreError where they cannot be read.
        """
        with self._store.reading() as tx:
            known = register.load(tx)
        first = next((brp.name for brp in self._settings.brps), "")
        brp_of = {one.address: one.brp or first for one in known.connections}
        found = []
        for day in days:
            with self._store.reading() as tx:
                archives = plan_loader.read(tx, day.plan.id)
            solved = plan_loader.unpacked(archives)
            behind = known.connection_of() | unplanned.behind(solved.named.charging(), known.charge_points)
            connections = connections_eur(solved, behind)
            found.append(Parties(connections=connections, brps=brps_eur(solved, connections, brp_of)))
        return tuple(found)

    def _day(self, day: date, kept: tuple[int, str] | None) -> PastDay:
        with self._store.reading() as tx:
            states = plans.states(tx, day)
            prognoses, broken, kept_count = _sent(tx, day)
            period = Period(day, self._settings.time_zone, self._settings.isp_minutes)
            orders = _ordered(tx, period)
        audited = [number for number, state in states.items() if state is PlanState.AUDITED]
        if kept is not None and kept[0] == audited[-1]:
            earned = _adapter().validate_json(kept[1])
        else:
            earned = self._earned(audited[0], audited[-1])
        risks = [risk for risk in at_risk(earned.plan) if risk.kind != GAP]
        broken = (*(f"{risk.kind}: {risk.text}" for risk in risks), *broken)
        count = len(made_by(earned.plan.result)) - len(risks) + kept_count
        executed = earned.executed
        if executed is None:
            with self._store.reading() as tx:
                executed = _measured(tx, self._settings, period)
        return PastDay(
            period=period, plan=earned.plan, executed=executed,
            plans=len(states), first_plan_eur=earned.first_plan_eur, facts=earned.facts, prognoses=prognoses,
            promises=KeptPromises(kept=count, broken=broken), fault=earned.fault, orders=orders,
        )  # fmt: skip

    def _earned(self, first: int, last: int) -> Earned:
        """Compute what a day earned, and keep it while the programs that it comes from are there."""
        archives, fault = None, ""
        with self._store.reading() as tx:
            begun, plan = plans.get(tx, first), plans.get(tx, last)
            assert begun is not None
            assert plan is not None
            ordered_under = {
                stored.order.name: stored.order.contract_id
                for stored in flex_orders.of_period(tx, plan.period)
                if stored.order.contract_id is not None
            }
            with suppress(InputError):  # retention has deleted its programs
                archives = plan_loader.read(tx, last)
        facts = facts_of_summary(plan.result)
        if archives is not None:
            try:
                facts = facts_of(plan_loader.unpacked(archives), ordered_under)
            except StoreError as error:
                fault = f"the programs of plan {last} cannot be read: {error}"
                log.warning("history.unreadable", period=str(plan.period), plan=last, why=str(error))
        slim = replace(plan, points=(), change=None, positions=replace(plan.positions, balance_eur_per_mwh=()))
        found = Earned(plan=slim, first_plan_eur=begun.result.money_eur, facts=facts, fault=fault)
        if archives is not None and not fault:
            with self._store.transaction() as tx:
                history.put(tx, plan.period.day, last, _written(found))
        return found


def _written(earned: Earned) -> str:
    return to_json(earned, inf_nan_mode="strings").decode()


def _measured(tx: Tx, settings: Settings, period: Period) -> Executed | None:
    """Return what was measured of a Period so far."""
    starts = period.starts()
    sums = executions.whole_sums(tx, starts[0], starts[-1])
    if not sums:
        return None
    prices = settlement_prices(settings, register.prices(tx, period.start - SPREAD_BACK, period.end), period)
    planned, measured, off = np.array([sums.get(start, (0.0, 0.0, 0.0)) for start in starts]).T / 1000
    eur = float(settled_eur(measured - planned, prices).sum())
    return Executed(
        measured_mwh=float(measured.sum()), deviation_mwh=float(off.sum()),
        deviation_eur=None if np.isnan(eur) else eur,
    )  # fmt: skip


def _ordered(tx: Tx, period: Period) -> tuple[PastOrder, ...]:
    """Return a Period's orders of flexibility, oldest first."""
    return tuple(
        PastOrder(
            reference=stored.order.order_reference, dso=stored.order.dso, state=stored.state.value,
            congestion_point=stored.order.congestion_point, contract=stored.order.contract_id or "",
            mwh=kwh_of(stored.order.power_w, period) / 1000, ordered_eur=float(stored.order.price),
            settled_eur=None if stored.settled is None else float(stored.settled.net),
            expected_eur=None if stored.settled is None else float(stored.settled.expected_net),
        )
        for stored in reversed(flex_orders.of_period(tx, period))
    )  # fmt: skip


def _sent(tx: Tx, day: date) -> tuple[dict[str, int], tuple[str, ...], int]:
    """Return the D-Prognoses by state, what was not accepted in words, and how many D-Prognoses and e-programs were."""
    newest: dict[str, tuple[int, str]] = {}
    rows = tuple(plans.prognosis_states(tx, day))
    for _, point, revision, state, _ in plans.prognosis_heads(tx, rows):
        if state not in _UNDECIDED and revision >= newest.get(point, (0, ""))[0]:
            newest[point] = revision, state
    states: dict[str, int] = {}
    for _, state in newest.values():
        states[state] = states.get(state, 0) + 1
    broken = [f"D-Prognosis of {point} {state}" for point, (_, state) in newest.items() if state != "accepted"]
    e_programs = {one.brp: one for one in nominations.history(tx, day)}
    broken += [
        f"e-program of {brp} {'not answered' if one.answer is None else one.answer}"
        for brp, one in e_programs.items()
        if one.answer != "accepted"
    ]
    kept = states.get("accepted", 0) + sum(one.answer == "accepted" for one in e_programs.values())
    return states, tuple(broken), kept
