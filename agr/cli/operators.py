"""trigger, hold, release, alarms, reservations, accounts, backup, restore: parse, call, print."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from agr.cli.terminal import out, print_whole
from agr.domain.errors import AgrError, InputError
from agr.domain.faults import number_of
from agr.operations.accounts.roles import ROLES, Principal

if TYPE_CHECKING:
    from agr.cli.client import Client
    from agr.operations.accounts.authentication import Authentication
    from agr.settings import Settings
    from agr.store.engine import Store

accounts_app = typer.Typer(no_args_is_help=True, help="Accounts of the operators' page, on the daemon's machine.")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="AGR_CONFIG")]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Address of the operators' page; default: as configured.", envvar="AGR_URL")
]
PeriodOption = Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: tomorrow.")]
WhyOption = Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")]
DEFAULT = Path("agr.toml")
ADMINISTRATOR = "the machine's administrator"
Words = Callable[[], AbstractContextManager[None]]


def _settings(config: Path) -> "Settings":
    from agr.settings import load

    return load(config)


def _client(config: Path, url: str | None) -> "Client":
    from agr.cli.client import Client, address_of

    return Client(url.rstrip("/") if url else address_of(_settings(config)))


def _day(config: Path, text: str | None) -> str:
    if text is not None:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise InputError(f"{text!r} is not a Period; write a date such as 2026-03-29") from error
    from agr.domain.isp import SystemClock, period_of

    settings = _settings(config)
    return str(period_of(SystemClock().now(), settings.time_zone, settings.isp_minutes).next())


def _zone_of(config: Path) -> str:
    """Return the market's time zone, or nothing (UTC) where a remote daemon's settings are not here."""
    return _settings(config).time_zone if config.is_file() else ""


def _local(zone_name: str, text: str) -> str:
    """Write an instant of the API in the market's zone, with its offset."""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(zone_name) if zone_name else UTC)
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _authentication(settings: "Settings") -> "tuple[Authentication, Store]":
    from agr.domain.isp import SystemClock
    from agr.operations.accounts.authentication import Authentication
    from agr.store.engine import Store

    store = Store(settings.store_url)
    store.migrate()
    return Authentication(store, settings.operators, SystemClock(), SystemClock()), store


def _link(settings: "Settings", secret: str) -> None:
    from agr.cli.client import address_of

    _say(f"{address_of(settings)}/setup/{secret}\nThe link works once, within a day. Whoever has it sets the password.")


def register(app: typer.Typer, in_words: Words) -> None:
    """Mount the commands."""
    app.add_typer(accounts_app, name="accounts")
    register_accounts(in_words)

    @app.command()
    def trigger(
        why: WhyOption,
        period: PeriodOption = None,
        point: Annotated[
            list[str] | None, typer.Option("--point", help="Only this congestion point; repeatable.")
        ] = None,
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
            plan = _wait(client, started["trigger"], patience)
        proven = "no bound proven" if plan["gap_eur"] is None else f"proven within {plan['gap_eur']:,.2f}"
        worth = f"{plan['objective_eur']:,.2f}, {proven}"
        _say(f"plan {plan['id']} ({plan['state']}) for {plan['period']}: {worth}")
        _say(f"changes {number_of(plan['changed_points'], 'congestion point')} by {plan['moved_kwh']:,.1f} kWh")
        for term, value in (plan["change_eur"] or {}).items():
            if abs(value) >= 0.005:
                _say(f"    {term:<24} {value:>+14,.2f}")
        if plan["state"] == "preview":
            _say(f"nothing was sent; `agr decide {plan['id']} send --why …` sends it, `… discard …` discards it")

    @app.command()
    def decide(
        plan: Annotated[int, typer.Argument(help="Number of the preview.")],
        what: Annotated[str, typer.Argument(help="send or discard.")],
        why: WhyOption,
        config: ConfigOption = DEFAULT,
        url: UrlOption = None,
    ) -> None:
        """Send a preview or discard it."""
        with in_words():
            if what not in ("send", "discard"):
                raise InputError(f"{what!r} is not a decision; write send or discard")
            _say(_client(config, url).act(f"/plans/{plan}/{what}", why=why)["text"])

    @app.command()
    def hold(why: WhyOption, config: ConfigOption = DEFAULT, url: UrlOption = None) -> None:
        """Stop sending D-Prognoses automatically."""
        with in_words():
            _say(_client(config, url).act("/hold", why=why)["text"])

    @app.command()
    def release(why: WhyOption, config: ConfigOption = DEFAULT, url: UrlOption = None) -> None:
        """Send D-Prognoses automatically again."""
        with in_words():
            _say(_client(config, url).act("/release", why=why)["text"])

    @app.command()
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
                _say(client.act(f"/alarms/{acknowledge}/acknowledge", why=why)["text"])
                return
            found, zone_name = client.get("/alarms"), _zone_of(config)
        for one in found:
            taken = f" ({one['acknowledged_by']} is on it)" if one["acknowledged_by"] else ""
            at = _local(zone_name, one["raised_at"])
            _say(f"{one['id']:>6}  {at}  {one['kind']} [{one['subject']}]{taken}: {one['text']}")
        if not found:
            _say("no open alarms")
        if any(not one["acknowledged_by"] for one in found):
            raise typer.Exit(2)

    @app.command()
    def reservations(
        contract: Annotated[str | None, typer.Argument(help="Contract whose reservation is entered.")] = None,
        keep: Annotated[float | None, typer.Option("--keep", help="Share still reserved, in percent.")] = None,
        why: Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")] = "",
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
                _say(client.act("/reservations", **given)["text"])
                return
            found, zone_name = client.get(f"/days/{day}/reservations"), _zone_of(config)
        table = Table()
        for title in (f"at ({zone_name or 'UTC'})", "contract", "largest kW", "from"):
            table.add_column(title)
        for one in found:
            largest = max((abs(p) for p in one["power_w"]), default=0) / 1000
            table.add_row(_local(zone_name, one["at"]), one["contract"], f"{largest:,.1f}", one["origin"])
        print_whole(table if found else f"no updates for {day}: the contracted power is reserved")

    @app.command("backup")
    def backup_(
        target: Annotated[Path, typer.Argument(help="File to write, e.g. agr-backup.tar.gz.")],
        key: Annotated[bool, typer.Option(help="Include the signing key.")] = True,
        config: ConfigOption = DEFAULT,
    ) -> None:
        """Write store, settings and signing key to one file; the daemon may keep running."""
        from agr.operations.backup import backup

        with in_words():
            held = backup(_settings(config), config, target, with_key=key)
        _say(f"wrote {target}: {', '.join(held)}" + ("; keep it as safe as the key" if key else ""))

    @app.command("restore")
    def restore_(
        source: Annotated[Path, typer.Argument(help="File that `agr backup` wrote.")],
        replace: Annotated[bool, typer.Option("--replace", help="Replace existing data, which is kept aside.")] = False,
        config: ConfigOption = DEFAULT,
    ) -> None:
        """Restore a backup; the daemon must not run. The settings file is not changed."""
        from agr.operations.backup import restore

        with in_words():
            restored = restore(_settings(config), source, replace=replace)
        _say(f"restored {restored.domain} as of {restored.made_at}; the backup's agr.toml was left in the archive")
        for path in restored.kept:
            _say(f"the replaced data is kept in {path}")


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


def register_accounts(in_words: Words) -> None:
    """Mount the account commands, which need the store but no running daemon."""

    @accounts_app.command("list")
    def list_(config: ConfigOption = DEFAULT) -> None:
        """List accounts and their roles."""
        from agr.store import access

        with in_words():
            _, store = _authentication(_settings(config))
            with store.transaction() as tx:
                known = access.accounts(tx)
        for one in known:
            state = "disabled" if one.disabled_at else "in use" if one.password_hash else "waiting for set-up"
            _say(f"{one.name:<24} {one.role:<10} {state}")
        if not known:
            _say("no account yet; `agr accounts add NAME --role admin` creates one")

    @accounts_app.command("add")
    def add(
        name: Annotated[str, typer.Argument(help="Name to log in with.")],
        role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")] = "viewer",
        config: ConfigOption = DEFAULT,
    ) -> None:
        """Add an account and print its one-time set-up link."""
        with in_words():
            settings = _settings(config)
            authentication, _ = _authentication(settings)
            _link(settings, authentication.add_account(ADMINISTRATOR, name, role))

    @accounts_app.command("link")
    def link(name: Annotated[str, typer.Argument(help="Account.")], config: ConfigOption = DEFAULT) -> None:
        """Print a new one-time set-up link for an account whose password is lost."""
        with in_words():
            settings = _settings(config)
            authentication, _ = _authentication(settings)
            _link(settings, authentication.new_link(ADMINISTRATOR, name))

    @accounts_app.command("token")
    def token(
        name: Annotated[str, typer.Argument(help="Account that the token acts for.")],
        scope: Annotated[
            list[str],
            typer.Option(
                "--scope",
                help="What the token may do: read, metrics, preview, act, admin; repeatable, none includes another. "
                "The commands need read, preview and act.",
            ),
        ],
        purpose: Annotated[str, typer.Option("--for", help="Purpose of the token.")] = "command line",
        days: Annotated[int, typer.Option(help="Validity in days.")] = 30,
        config: ConfigOption = DEFAULT,
    ) -> None:
        """Print a new API token; only its digest is kept."""
        from agr.store import access

        with in_words():
            authentication, store = _authentication(_settings(config))
            with store.transaction() as tx:
                known = access.account(tx, name)
            if known is None or known.disabled_at is not None:
                raise InputError(f"there is no account {name!r} in use; `agr accounts add {name}` creates one")
            owner = Principal(name=known.name, role=known.role, allowed=ROLES[known.role], via=ADMINISTRATOR)
            _say(authentication.make_token(owner, purpose, scope, days))
