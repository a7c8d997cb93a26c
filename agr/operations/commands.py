"""What a user asks for on the command line: import, export, plans, checks. Returns values."""

import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from agr.connectors.tables.folder import Reading, read_folder
from agr.connectors.tables.writing import write_folder
from agr.domain.errors import AgrError, DiscoveryError, InputError, PlanError
from agr.domain.faults import meant
from agr.domain.isp import Clock, Period, SystemClock, period_of
from agr.domain.plan import Plan, Reason, ReasonKind
from agr.messaging.directory import participants_of
from agr.messaging.discovery import dns_of
from agr.messaging.keys import load_key
from agr.planning.pool import SolverPool
from agr.planning.service import Planner
from agr.settings import Settings
from agr.store import day, plans, portfolio, register
from agr.store.data_lock import DataLock
from agr.store.engine import Store
from agr.store.leadership import leadership
from agr.uftp.dns.discovery import look_up


def open_store(settings: Settings) -> Store:
    """Open the store at its current schema."""
    store = Store(settings.store_url)
    store.migrate()
    return store


def next_period(settings: Settings, clock: Clock | None = None) -> Period:
    """Return tomorrow's Period."""
    return period_of((clock or SystemClock()).now(), settings.time_zone, settings.isp_minutes).next()


def import_tables(settings: Settings, store: Store, folder: Path, clock: Clock | None = None) -> Reading:
    """Load a folder of tables as a whole, or nothing; asks for a new plan where one was due already."""
    reading = read_folder(folder, zone_name=settings.time_zone, isp_minutes=settings.isp_minutes)
    now = (clock or SystemClock()).now()
    with store.transaction() as tx:
        register.replace(tx, reading.register)
        today = period_of(now, settings.time_zone, settings.isp_minutes)
        for period in (today, today.next()):
            planned = day.done_moments(tx, period.day).get("first_plan", "missed")
            if not planned.startswith("missed") or plans.in_force(tx, period.day) is not None:
                reason = Reason(
                    kind=ReasonKind.FORECAST, reference=str(folder)[-255:], text=f"tables of {folder.name} imported"
                )
                day.put_trigger(tx, period.day, reason, now)
    return reading


def export_tables(settings: Settings, store: Store, folder: Path, kind: Literal["csv", "parquet"]) -> None:
    """Write everything that `import_tables` reads."""
    with store.transaction() as tx:
        known = register.load(tx)
        forecasts = register.forecasts(tx, settings.time_zone, settings.isp_minutes)
        prices = register.prices(tx)
    write_folder(replace(known, forecasts=forecasts, prices=prices), folder, format=kind)


def plan_now(settings: Settings, store: Store, period: Period, who: str) -> Plan:
    """Optimise once: by the running daemon when there is one, else here. Raises PlanError in words."""
    reason = Reason(kind=ReasonKind.OPERATOR, reference=who, text=f"asked for by {who}")
    clock = SystemClock()
    if period.end <= clock.now():
        raise PlanError(f"Period {period} is over; past days are rerun as scenarios")
    with store.transaction() as tx:
        if not portfolio.answers(tx, period.day) and settings.planning.stale_portfolio == "refuse":
            raise PlanError(
                f"no CRO has told us the congestion points of {period}: run the daemon (`agr run`) so that it asks"
            )
        trigger = day.put_trigger(tx, period.day, reason, clock.now() - timedelta(hours=1))
    claim = DataLock(settings.data_folder)
    if not claim.take():
        return _wait_for(store, trigger, settings.planning.budget_s)
    leading = leadership(store, clock)
    try:
        if not leading.take():  # a daemon on another machine leads
            return _wait_for(store, trigger, settings.planning.budget_s)
        solver = SolverPool(settings.planning, settings.compute.executor)
        try:
            Planner(store.fenced(leading.fence), settings, clock, solver, lambda _plan: None).run_due()
        finally:
            solver.close()
    finally:
        leading.release()
        claim.release()
    return _wait_for(store, trigger, 0.0)


def _wait_for(store: Store, trigger: int, patience_s: float) -> Plan:
    until = time.monotonic() + patience_s
    while True:
        with store.transaction() as tx:
            answered = day.trigger_outcome(tx, trigger)
            if answered is not None:
                number, outcome = answered
                plan = plans.get(tx, number)
                if plan is None:
                    raise PlanError(outcome)
                return plan
        if time.monotonic() >= until:
            raise PlanError("no plan came of it in time; see the daemon's log and `agr status`")
        time.sleep(0.2)


def award(settings: Settings, store: Store, period: Period, product: str, awarded_mw: tuple[float, ...]) -> None:
    """Fix what an auction awarded, in MW per block, and ask for a new plan."""
    known = {p.name: 24 // p.block_hours for p in settings.markets.capacity}
    if product not in known:
        raise InputError(f"{product!r} is not a capacity product; {meant(product, list(known))}")
    if len(awarded_mw) != known[product] or min(awarded_mw) < 0:
        raise InputError(f"{product} has {known[product]} blocks a day; give as many values in MW, none negative")
    now = SystemClock().now()
    with store.transaction() as tx:
        day.fix_position(tx, period.day, product, awarded_mw, now, "award entered by hand")
        if plans.in_force(tx, period.day) is not None:
            reason = Reason(kind=ReasonKind.OPERATOR, reference=product, text=f"award of {product} entered")
            day.put_trigger(tx, period.day, reason, now)


def findings(settings: Settings) -> list[str]:
    """Return what is wrong with keys, store and participants, in words."""
    found = []
    try:
        load_key(settings)
    except AgrError as error:
        found.append(str(error))
    try:
        store = open_store(settings)
        with store.transaction() as tx:
            known = register.load(tx)
        if not known.connections:
            found.append("the register is empty: load it with `agr import FOLDER`")
        dsos = {p.domain for p in settings.participants if p.role == "DSO"}
        found += [
            f"contract {c.contract} is with {c.dso}, which is not a DSO in [[participants]]"
            for c in known.contracts
            if c.dso not in dsos
        ]
        store.close()
    except AgrError as error:
        found.append(str(error))
    roles = [p.role for p in settings.participants]
    found += [f"no {role} in [[participants]]: add at least one" for role in ("CRO", "DSO") if role not in roles]
    try:
        participants_of(settings)
        found += undiscovered(settings)
    except AgrError as error:
        found.append(str(error))
    return found


def undiscovered(settings: Settings) -> list[str]:
    """Ask the DNS for what the settings leave to it; return what it did not answer. Raises SettingsError."""
    found = []
    if settings.discovery.enabled:
        dns = dns_of(settings)
        for p in settings.participants:
            if p.endpoint is None or not p.public_keys:
                try:
                    look_up(dns, p.domain, p.role, keys=not p.public_keys, endpoint=p.endpoint is None)
                except DiscoveryError as error:
                    found.append(f"{p.domain} ({p.role}) cannot be found in the DNS: {error}")
    return found


def parse_day(text: str) -> date:
    """Read a Period as YYYY-MM-DD; raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a Period; write a date such as 2026-03-29") from error


def parse_numbers(text: str) -> tuple[float, ...]:
    """Read numbers separated by commas; raises InputError."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"{text!r}: write numbers separated by commas, e.g. 0,1,1,2,1,0") from error
