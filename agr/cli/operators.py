"""trigger, decide, hold, release, alarms, approvals, reservations: ask the running daemon over its JSON API."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, PlanOption, WhyOption, plan_of
from agr.cli.terminal import in_words, print_whole, say
from agr.domain.errors import AgrError, InputError
from agr.domain.faults import number_of

if TYPE_CHECKING:
    from agr.cli.client import Client

UrlOption = Annotated[
    str | None, typer.Option("--url", help="Address of the operators' page; default: as configured.", envvar="AGR_URL")
]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    for command in (trigger, decide, hold, release, alarms, approvals, reservations):
        app.command()(command)


def _client(config: Path, url: str | None) -> "Client":
    from agr.cli.client import Client, address_of
    from agr.settings import load

    return Client(url.rstrip("/") if url else address_of(load(config)))


def _day(config: Path, text: str | None) -> str:
    """Return the day that --period names, for which a remote daemon's settings need not be here, or tomorrow."""
    from agr.operations import commands
    from agr.settings import load

    return (commands.next_period(load(config)).day if text is None else commands.parse_day(text)).isoformat()


def _zone_of(config: Path) -> str:
    """Return the market's time zone, or nothing (UTC) where a remote daemon's settings are not here."""
    from agr.settings import load

    return load(config).time_zone if config.is_file() else ""


def _local(zone_name: str, text: str) -> str:
    """Write an instant of the API in the market's zone, with its offset."""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(zone_name) if zone_name else UTC)
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def trigger(
    why: WhyOption,
    period: PeriodOption = None,
    point: Annotated[list[str] | None, typer.Option("--point", help="Only this congestion point; repeatable.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send the changes; default: preview only.")] = False,
    patience: Annotated[float, typer.Option(help="Wait this many seconds for the plan.")] = 600,
    config: ConfigOption = DEFAULT,
    url: UrlOption = None,
) -> None:
    """Let the running daemon plan again, and show what changes."""
    with in_words():
        client = _client(config, url)
        day = _day(config, period)
        started = client.act("/plans", period=day, why=why, points=point or [], preview=not send)
        if started["trigger"] is None:  # a second person must approve it first
            say(started["text"])
            return
        plan = _wait(client, started["trigger"], patience)
    proven = "no bound proven" if plan["gap_eur"] is None else f"proven within {plan['gap_eur']:z,.2f}"
    worth = f"{plan['objective_eur']:z,.2f}, {proven}"
    say(f"plan {plan['id']} ({plan['state']}) for {plan['period']}: {worth}")
    say(f"changes {number_of(plan['changed_points'], 'congestion point')} by {plan['moved_kwh']:z,.1f} kWh")
    for term, value in (plan["change_eur"] or {}).items():
        if abs(value) >= 0.005:
            say(f"    {term:<24} {value:>+14,.2f}")
    if plan["state"] == "preview":
        say(f"nothing was sent; `agr decide {plan['id']} send --why …` sends it, `… discard …` discards it")


def decide(
    words: Annotated[
        list[str], typer.Argument(metavar="PLAN send|discard", help="Number of a preview, and what to do with it.")
    ],
    why: WhyOption,
    plan: PlanOption = None,
    config: ConfigOption = DEFAULT,
    url: UrlOption = None,
) -> None:
    """Send a preview or discard it."""
    with in_words():
        number, what = words[:-1], words[-1]
        if what not in ("send", "discard"):
            raise InputError(f"{what!r} is not a decision; write send or discard")
        if len(number) > 1 or not all(text.isdecimal() for text in number):
            raise InputError(f"{' '.join(number)!r} is not a plan; write its number, then send or discard")
        chosen = plan_of(int(number[0]) if number else None, plan)
        say(_client(config, url).act(f"/plans/{chosen}/{what}", why=why)["text"])


def hold(why: WhyOption, config: ConfigOption = DEFAULT, url: UrlOption = None) -> None:
    """Stop sending D-Prognoses automatically."""
    with in_words():
        say(_client(config, url).act("/hold", why=why)["text"])


def release(why: WhyOption, config: ConfigOption = DEFAULT, url: UrlOption = None) -> None:
    """Send D-Prognoses automatically again."""
    with in_words():
        say(_client(config, url).act("/release", why=why)["text"])


def alarms(
    acknowledge: Annotated[
        int | None, typer.Option("--acknowledge", help="Number of the alarm to acknowledge.")
    ] = None,
    why: Annotated[str, typer.Option("--why", "-m", help="What is being done about it.")] = "",
    config: ConfigOption = DEFAULT,
    url: UrlOption = None,
) -> None:
    """List open alarms, or acknowledge one; the exit code is 2 while any alarm is unacknowledged."""
    with in_words():
        client = _client(config, url)
        if acknowledge is not None:
            say(client.act(f"/alarms/{acknowledge}/acknowledge", why=why)["text"])
            return
        found, zone_name = client.get("/alarms"), _zone_of(config)
    for one in found:
        taken = f" ({one['acknowledged_by']} is on it)" if one["acknowledged_by"] else ""
        at = _local(zone_name, one["raised_at"])
        say(f"{one['id']:>6}  {at}  {one['kind']} [{one['subject']}]{taken}: {one['text']}")
    if not found:
        say("no open alarms")
    if any(not one["acknowledged_by"] for one in found):
        raise typer.Exit(2)


def approvals(
    approve: Annotated[int | None, typer.Option("--approve", help="Number of the action to approve.")] = None,
    refuse: Annotated[int | None, typer.Option("--refuse", help="Number of the action to refuse or withdraw.")] = None,
    why: WhyOption = "",
    config: ConfigOption = DEFAULT,
    url: UrlOption = None,
) -> None:
    """List what waits for a second person, or decide one; the exit code is 2 while anything waits."""
    with in_words():
        if approve is not None and refuse is not None:
            raise InputError("give one of --approve and --refuse")
        if (approve is not None or refuse is not None) and not why.strip():
            raise InputError('say why, with --why "…": it goes into the audit log')
        client = _client(config, url)
        for number, did in ((approve, "approve"), (refuse, "refuse")):
            if number is not None:
                say(client.act(f"/approvals/{number}/{did}", why=why)["text"])
                return
        found = [one for one in client.get("/approvals") if one["state"] == "waiting"]
        zone_name = _zone_of(config)
    for one in found:
        until = _local(zone_name, one["expires_at"])
        say(f"{one['id']:>6}  until {until}  {one['asked_by']}: {one['words']} ({one['why']})")
    if not found:
        say("nothing waits for approval")
    else:
        raise typer.Exit(2)


def reservations(
    contract: Annotated[str | None, typer.Argument(help="Contract whose reservation is entered.")] = None,
    keep: Annotated[float | None, typer.Option("--keep", help="Share still reserved, in percent.")] = None,
    why: WhyOption = "",
    period: PeriodOption = None,
    config: ConfigOption = DEFAULT,
    url: UrlOption = None,
) -> None:
    """List updates of reservations from DSOs and operators, or enter one by hand."""
    from rich.table import Table

    with in_words():
        client, day = _client(config, url), _day(config, period)
        if contract is not None:
            if keep is None:
                raise InputError("give the share that is still reserved, such as --keep 50 (percent)")
            given = {"contract": contract, "period": day, "keep_share": keep / 100, "why": why}
            say(client.act("/reservations", **given)["text"])
            return
        found, zone_name = client.get(f"/days/{day}/reservations"), _zone_of(config)
    table = Table()
    for title in (f"at ({zone_name or 'UTC'})", "contract", "largest kW", "from"):
        table.add_column(title)
    for one in found:
        largest = max((abs(p) for p in one["power_w"]), default=0) / 1000
        table.add_row(_local(zone_name, one["at"]), one["contract"], f"{largest:z,.1f}", one["origin"])
    print_whole(table if found else f"no updates for {day}: the contracted power is reserved")


def _wait(client: "Client", trigger: int, patience_s: float) -> Any:
    until = time.monotonic() + patience_s
    while True:
        state = client.get(f"/asked/{trigger}")
        if state["plan"] is not None:
            return client.get(f"/plans/{state['plan']}")
        if state["outcome"]:
            raise AgrError(f"no plan was made: {state['outcome']}")
        if time.monotonic() > until:
            raise AgrError(f"no plan within {patience_s:g} s; the daemon is still working on it (trigger {trigger})")
        time.sleep(0.5)
