"""Turns a day's state into rich tables for the terminal. Prints nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.domain.isp import Period, SystemClock
from agr.domain.plan import Plan
from agr.schedule.moments import moments_of
from agr.settings import Settings
from agr.store import day, plans, portfolio
from agr.store.engine import Tx

if TYPE_CHECKING:  # imports the models, which takes seconds
    from agr.planning.explanation import Line


def terms_table(plan: Plan, currency: str, before: Plan | None = None) -> Table:
    """Return the plan's value by market, beside that of its predecessor if given."""
    table = Table(title=f"Value by market, {currency} (earned positive)", title_justify="left")
    table.add_column("term")
    columns = [before, plan] if before else [plan]
    for column in columns:
        table.add_column(f"plan {column.id}", justify="right")
    if before:
        table.add_column("change", justify="right")
    names = sorted({name for column in columns for name in column.result.terms_eur})
    rows = [(name, [c.result.terms_eur.get(name, 0.0) for c in columns]) for name in names]
    rows.append(("total", [c.result.objective_eur for c in columns]))
    rows.append(("value of flexibility", [c.result.flexibility_eur for c in columns]))
    for name, values in rows:
        if name == "total":
            table.add_section()
        if any(abs(v) >= 0.005 for v in values) or name == "total":
            change = [f"{values[-1] - values[0]:+,.2f}"] if before else []
            table.add_row(name, *(f"{v:,.2f}" for v in values), *change)
    return table


def lines_table(lines: "Iterable[Line]", currency: str) -> Table:
    """Return an explanation as a table."""
    table = Table()
    for title, justify in (("ISP", "right"), ("from", "left"), ("before kW", "right"), ("after kW", "right")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    table.add_column(f"earned {currency}", justify="right")
    table.add_column("because of")
    for line in lines:
        table.add_row(
            str(line.isp), line.label, "" if line.before_w is None else f"{line.before_w / 1000:,.3f}",
            f"{line.after_w / 1000:,.3f}", "" if line.earned_eur is None else f"{line.earned_eur:+,.2f}",
            "\n".join(line.why),
        )  # fmt: skip
    return table


def require(history: list[Plan], period: Period, address: str, isp: int | None) -> None:
    """Raise InputError when there is nothing to explain."""
    if not history:
        raise InputError(f"there is no plan for {period}; see `agr status --period {period}`")
    known = [p.address for p in history[-1].points]
    if address not in known:
        raise InputError(f"{address!r} is not a congestion point of {period}; {meant(address, known)}")
    if isp is not None and not 1 <= isp <= period.isp_count:
        raise InputError(f"ISP {isp} is outside 1..{period.isp_count} of {period}")


def day_overview(tx: Tx, settings: Settings, period: Period) -> Iterator[RenderableType]:
    """Yield the Period's tables: timetable, CROs, plans, prognoses, alarms."""
    done = day.done_moments(tx, period.day)
    table = Table(title=f"Period {period} ({period.isp_count} ISPs, {period.zone_name})", title_justify="left")
    for title in ("moment", "at", "state"):
        table.add_column(title)
    now = SystemClock().now()
    for moment in moments_of(settings, period):
        waiting = "to come" if moment.at > now else "due, not done yet"
        table.add_row(moment.name, f"{moment.at.astimezone(period.tz):%a %H:%M:%S}", done.get(moment.name, waiting))
    yield table
    answers = portfolio.answers(tx, period.day)
    known = portfolio.load(tx, period)
    connections = sum(len(p.connections) for p in known.points)
    cros = ", ".join(f"{a.cro} {a.state}" for a in answers.values()) or "no CRO asked yet"
    free = len(known.free_connections)
    yield f"CROs: {cros}; {len(known.points)} congestion points with {connections} connections, {free} in none"
    since = portfolio.difference(tx, period)
    yield f"Since the day before: {since.joined} connections joined, {since.left} left, {since.moved} moved"
    plan_table = Table(title="Plans", title_justify="left")
    for title in ("plan", "made", "state", "why", f"value {settings.currency}", "flexibility", "gap", "audit"):
        plan_table.add_column(title)
    for plan in plans.history(tx, period.day):
        result = plan.result
        gap = "–" if result.proven_gap_eur is None else f"{result.proven_gap_eur:,.2f}"
        plan_table.add_row(
            str(plan.id), f"{plan.created_at.astimezone(period.tz):%a %H:%M:%S}", plan.state.value,
            "; ".join(str(r) for r in plan.reasons), f"{result.objective_eur:,.2f}", f"{result.flexibility_eur:,.2f}",
            gap, "; ".join(result.audit) or "passed",
        )  # fmt: skip
    yield plan_table
    sent = plans.prognoses(tx, period.day)
    counts = Counter((s.revision, s.state) for s in sent)
    lines = [f"  revision {revision}: {count} {state}" for (revision, state), count in sorted(counts.items())]
    yield "\n".join(["D-Prognoses:", *(lines or ["  none sent yet"])])
    alarms = day.open_alarms(tx)
    yield "\n".join(["Alarms:", *(f"  {a.kind} [{a.subject}]: {a.text}" for a in alarms)]) if alarms else "No alarms."
