"""Turns a day's state into rich tables for the terminal. Prints nothing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agr.domain.errors import InputError
from agr.domain.faults import meant, number_of
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.operations.day_status import DayStatus, ImbalanceStatus, PlanStatus

if TYPE_CHECKING:  # imports the models, which takes seconds
    from agr.dispatch.registers import Energy
    from agr.planning.explanation import Line
    from agr.store.bids import ChannelDelivery, StoredBid
    from agr.store.trades import StoredTrade


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
            change = [f"{values[-1] - values[0]:+z,.2f}"] if before else []
            table.add_row(name, *(f"{v:z,.2f}" for v in values), *change)
    return table


def bids_table(of: Period, known: "Sequence[StoredBid]", left: "Sequence[ChannelDelivery]", market: str) -> Table:
    """Return the bids on a market in a Period, newest first, with how each left through every channel."""
    from agr.domain.bid import DAY_AHEAD

    energy = market == DAY_AHEAD
    title = f"Day-ahead bids for {of} (bought positive)" if energy else f"{market} bids for {of}"
    table = Table(title=title, title_justify="left")
    amount = "net MWh" if energy else "MW per block"
    for title in ("revision", "plan", "made", "by", amount, "channel", "state", "receipt, or why not"):
        table.add_column(title, justify="right" if title == amount else "left")
    for bid in reversed(known):
        net = f"{sum(bid.volumes_kw) * of.isp_hours / 1000:+z,.3f}"
        offered = net if energy else ", ".join(f"{kw / 1000:g}" for kw in bid.volumes_kw)
        facts = (str(bid.revision), str(bid.plan), f"{bid.at.astimezone(of.tz):%a %H:%M:%S}", bid.by, offered)
        for delivery in (d for d in left if d.bid == bid.id):
            table.add_row(*facts, delivery.channel, delivery.state, Text(delivery.detail or ""))
    return table


def trades_table(of: Period, known: "Sequence[StoredTrade]", currency: str) -> Table:
    """Return the intraday trades of a Period."""
    table = Table(title=f"Intraday trades of {of} (bought positive)", title_justify="left")
    for title in ("trade", "delivery", "minutes", "MW", f"{currency}/MWh", "BRP", "entered", "by", "state"):
        table.add_column(title, justify="right" if title in ("minutes", "MW", f"{currency}/MWh") else "left")
    for one in known:
        state = "counts" if one.cancelled_at is None else f"cancelled by {one.cancelled_by}"
        table.add_row(
            Text(one.trade.trade), f"{one.trade.start.astimezone(of.tz):%a %H:%M}", str(one.trade.minutes),
            f"{one.trade.mw:+z,.3f}", f"{one.trade.price_eur_per_mwh:z,.2f}", one.trade.brp or "–",
            f"{one.at.astimezone(of.tz):%a %H:%M:%S}", one.by, state,
        )  # fmt: skip
    return table


def energy_table(of: Period, resource: str, measured: "Energy") -> Table:
    """Return the energy that a resource's registers have counted per ISP."""
    table = Table(title=f"Energy of {resource} on {of} (consumption positive)", title_justify="left")
    for title in ("ISP", "from", "kWh", "read", "quality"):
        table.add_column(title, justify="left" if title == "quality" else "right")
    rows = zip(measured.kwh.tolist(), measured.covered.tolist(), measured.quality_words(), strict=True)
    for isp, (kwh, covered, quality) in enumerate(rows, start=1):
        missing = quality == "missing"
        table.add_row(
            str(isp), of.label(isp), "" if missing else f"{kwh:+z,.3f}", "" if missing else f"{covered:.0%}", quality
        )
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
            str(line.isp), line.label, "" if line.before_w is None else f"{line.before_w / 1000:z,.3f}",
            f"{line.after_w / 1000:z,.3f}", "" if line.earned_eur is None else f"{line.earned_eur:+z,.2f}",
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


def day_overview(found: DayStatus) -> Iterator[RenderableType]:
    """Yield the Period's parts: timetable, CROs, plans, prognoses, alarms; none is wider than its words need."""
    table = Table(title=f"Period {found.period} ({found.isps} ISPs, {found.time_zone})", title_justify="left")
    for title in ("moment", "at", "state", "result"):
        table.add_column(title)
    for moment in found.moments:
        table.add_row(moment.name, f"{moment.at:%a %H:%M:%S}", moment.state, Text(moment.result))
    yield table
    cros = ", ".join(f"{cro} {state}" for cro, state in found.cros.items()) or "no CRO asked yet"
    points, inside = number_of(found.congestion_points, "congestion point"), number_of(found.connections, "connection")
    yield f"CROs: {cros}; {points} with {inside}, {found.free_connections} in none"
    joined = number_of(found.joined, "connection")
    yield f"Since the day before: {joined} joined, {found.left} left, {found.moved} moved"
    yield "\n".join(["Plans:", *([line for p in found.plans for line in _plan(p, found.currency)] or ["  none yet"])])
    sent = [f"  revision {p.revision}: {p.count} {p.state}" for p in found.prognoses]
    yield "\n".join(["D-Prognoses:", *(sent or ["  none sent yet"])])
    if found.nominations:
        told = [f"  {n.brp}: revision {n.revision} {n.state}{_why(n.reason)}" for n in found.nominations]
        yield "\n".join(["E-programs:", *told])
    if found.imbalance is not None:
        yield _imbalance(found.imbalance, found.currency)
    alarms = [f"  {a.kind} [{a.subject}]: {a.text}" for a in found.alarms]
    yield "\n".join(["Alarms:", *alarms]) if alarms else "No alarms."


def _imbalance(found: ImbalanceStatus, currency: str) -> str:
    """Return the imbalance expected at the end of the day, as the Markets page says it."""
    worth = "no price is known yet" if found.value is None else f"{found.value:+z,.2f} {currency}"
    stands_in = ", at day-ahead prices where settlement is not known" if found.stands_in else ""
    return (
        f"Imbalance expected at the end of the day: {found.net_mwh:+z,.3f} MWh (short positive), {worth}{stands_in}\n"
        f"  {number_of(found.ended_isps, 'ISP')} ended, registers of "
        f"{number_of(found.measured_resources, 'resource')} read, the rest as in plan {found.plan}"
    )


def _why(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _plan(plan: PlanStatus, currency: str) -> Iterator[str]:
    """Yield a plan as a line of facts, one of money, and one for each finding of the audit."""
    yield f"  plan {plan.plan}, made {plan.made:%a %H:%M:%S}, {plan.state}: {'; '.join(plan.why)}"
    gap = "no bound proven" if plan.gap is None else f"gap {plan.gap:z,.2f}"
    audit = "audit passed" if not plan.audit else "audit failed"
    yield f"    value {plan.value:z,.2f} {currency}, flexibility {plan.flexibility:z,.2f}, {gap}, {audit}"
    yield from (f"    {finding}" for finding in plan.audit)
