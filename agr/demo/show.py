"""Shows the demo's day on the terminal: a line per step as it happens, and the summary."""

from collections.abc import Callable
from datetime import datetime

from rich.console import Console
from rich.table import Table

from agr.cli.status_tables import terms_table
from agr.demo.report import DayReport
from agr.demo.told import AcceptedBid, Nominated
from agr.domain.faults import number_of
from agr.operations.log import Event
from agr.scenario.description import Description

_NAMES: dict[str, Callable[[Event], str]] = {
    "portfolio.asked": lambda e: f"AGRPortfolioQuery → {e['cro']}",
    "portfolio.known": lambda e: (
        f"{e['cro']} answered: {number_of(e['connections'], 'connection')} at "
        f"{number_of(e['congestion_points'], 'congestion point')} "
        f"({e['joined']} joined, {e['left']} left, {e['moved']} moved)"
    ),
    "plan.started": lambda e: f"optimising: {'; '.join(e['reasons'])}",
    "solve.waiting": lambda e: e["why"],
    "plan.ready": lambda e: (
        f"plan {e['plan']} {e['state']}: {e['objective_eur']:z,.2f} EUR, flexibility {e['flexibility_eur']:z,.2f} EUR, "
        f"{_proven(e['gap_eur'])}, {e['seconds']} s, audit {'; '.join(e['audit']) or 'passed'}"
        + (f", {number_of(e['changed_points'], 'congestion point')} changed" if e["changed_points"] is not None else "")
    ),
    "plan.failed": lambda e: f"no plan: {e['why']}",
    "moment.done": lambda e: f"{e['moment'].replace('_', ' ')}: {e['result']}",
    "moment.missed": lambda e: f"{e['moment'].replace('_', ' ')} missed; {e['fallback']}",
    "bid.queued": lambda e: f"day-ahead bid, revision {e['revision']}: {e['net_mwh']:+z.3f} MWh net (plan {e['plan']})",
    "bid.delivered": lambda e: f"bid delivered to {e['channel']}: {e['receipt'].partition(', SHA-256')[0]}",
    "bid.retry": lambda e: f"bid → {e['channel']} will be retried: {e['why']}",
    "award.entered": lambda e: f"award of {e['market']}: {e['found']}",
    "nomination.queued": lambda e: f"e-program for {e['brp']}, revision {e['revision']} (plan {e['plan']})",
    "nomination.answered": lambda e: f"{e['brp']}: {e['answer']}  revision {e['revision']} of the e-program",
    "nomination.retry": lambda e: f"e-program → {e['brp']} will be retried: {e['why']}",
    "prognosis.queued": lambda e: (
        f"{number_of(e['count'], 'D-Prognosis', 'D-Prognoses')} queued as revision {e['revision']}"
    ),
    "reservation.updated": lambda e: f"FlexReservationUpdate of {e['contract']} accepted",
    "flex_offer.priced": lambda e: (
        f"offer for {e['dso']}: {e['price']} EUR ({_split(e['costs'])}) for {e['kwh']:z,.1f} kWh"
    ),
    "flex_request.not_offered": lambda e: f"no offer for {e['dso']}: {e['reason']}",
    "flex_offer.queued": lambda e: f"FlexOffer → {e['dso']} (sent: {e['by']})",
    "flex_order.received": lambda e: f"{e['dso']} orders {e['factor']} of the offer for {e['price']} EUR: {e['order']}",
    "flex_settlement.judged": lambda e: (
        f"{e['dso']} settles order {e['order']}: {e['net']} EUR net of {e['price']}; {e['verdict']}"
    ),
    "message.refused": lambda e: f"message refused with HTTP {e['status']}: {e['why']}",
    "message.retry": lambda e: f"{e['type']} → {e['recipient']} will be retried: {e['why']}",
    "message.failed": lambda e: f"{e['type']} → {e['recipient']} failed: {e['why']}",
    "answer.overdue": lambda e: f"no answer from {e['recipient']} to {e['type']}",
}


def _proven(gap_eur: float | None) -> str:
    return "no bound proven" if gap_eur is None else f"gap {gap_eur:.2f} EUR"


def _split(costs: list[list[str | float]]) -> str:
    """Say what a price consists of."""
    return ", ".join(f"{name} {eur:+z.2f}" for name, eur in costs if abs(float(eur)) >= 0.005)


def _traded(found: AcceptedBid | None) -> str:
    """Say what the exchange took of our bid."""
    if found is None:
        return "no bid"
    return (
        f"bid {found.bid_mwh:+z.3f} MWh net, awarded {found.awarded_mwh:+z.3f}: {found.partly} of {len(found.bid_mw)} "
        f"products in part, {found.not_awarded} not at all"
    )


def _told(found: Nominated | None) -> str:
    """Say what the BRP took of our e-programs."""
    if found is None:
        return "none"
    return f"{found.revisions} revisions sent, {found.accepted} accepted; {sum(found.mwh):+z.3f} MWh"


class Show:
    """Writes the steps in the Period's local time: on standard output, unless that is kept for something else."""

    def __init__(self, scenario: Description, *, stderr: bool) -> None:
        self._console = Console(stderr=stderr, highlight=False)
        self._zone = scenario.of.tz
        self._period = str(scenario.of)
        self._accepted = 0
        self._now: Callable[[], datetime] | None = None

    def follow(self, now: Callable[[], datetime]) -> None:
        """Show this clock's time in front of each step."""
        self._now = now

    def say(self, text: str) -> None:
        """Write one step."""
        clock = f"{self._now().astimezone(self._zone):%a %H:%M}" if self._now else "         "
        self._console.print(clock, style="dim", end="  ")
        self._console.print(text, markup=False, soft_wrap=True)

    def event(self, event: Event) -> None:
        """Show a log event of the daemon, if it is one of the day's steps."""
        name = event["event"]
        if event.get("period", self._period) != self._period:
            return
        if name == "prognosis.answered":
            self._accepted += event["result"] == "Accepted"
            self.say(f"{event['dso']}: {event['result']}  {event['congestion_point']}")
        elif name in _NAMES:
            self.say(_NAMES[name](event))
        elif event.get("level") in ("error", "critical"):
            self.say(f"{name} {event}")

    def summary(self, report: DayReport) -> None:
        """Write the day's result."""
        before, after = report.before, report.after
        self._console.print()
        self._console.print(terms_table(after, "EUR", before if before.id != after.id else None))
        gain = after.result.objective_eur - before.result.objective_eur
        figures = Table(show_header=False, box=None)
        rows = {
            "Period": report.period,
            "connections": f"{report.connections} at {number_of(report.congestion_points, 'congestion point')}",
            "day-ahead": _traded(report.day_ahead),
            "D-Prognoses": f"{report.sent} sent, {report.accepted} accepted, highest revision {report.max_revision}",
            "e-program": _told(report.nominated),
            "flexibility for DSOs": report.trade.words() if report.trade else "nothing requested",
            "changed by the update": number_of(report.changed_after_update, "congestion point"),
            "the released reservation was worth": f"{gain:+z,.2f} EUR",
            "the night at charge points": report.night.words() if report.night else "no charge points",
            "imbalance planned": f"{after.result.imbalance_mwh:.6f} MWh",
            "reservation shortfall": f"{after.result.reservation_shortfall_kwh:.3f} kWh",
            "audit": "; ".join(after.result.audit) or "passed",
            "seconds": ", ".join(f"{name} {value:g}" for name, value in report.seconds.items()),
        }
        for name, value in rows.items():
            figures.add_row(name, value)
        self._console.print(figures)
        if report.broken:
            self._console.print("[bold red]Broken promises:[/bold red]")
            for line in report.broken:
                self._console.print(f"  - {line}", markup=False, soft_wrap=True)
        else:
            self._console.print("[bold green]Every promise was kept.[/bold green]")
