"""accounts: accounts of the operators' page. They need the store but no running daemon."""

from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, say
from agr.domain.errors import InputError
from agr.operations.accounts.roles import ROLES, Principal

if TYPE_CHECKING:
    from agr.operations.accounts.authentication import Authentication
    from agr.settings import Settings
    from agr.store.engine import Store

ADMINISTRATOR = "the machine's administrator"

accounts_app = typer.Typer(no_args_is_help=True, help="Accounts of the operators' page, on the daemon's machine.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(accounts_app, name="accounts")


def _authentication(settings: "Settings") -> "tuple[Authentication, Store]":
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.accounts.authentication import Authentication

    store = commands.open_store(settings)
    return Authentication(store, settings.operators, SystemClock(), SystemClock()), store


def _link(settings: "Settings", secret: str) -> None:
    """Print a set-up link; where only the running daemon knows its port, what stands behind its address."""
    from agr.cli.client import address_of

    once = "works once, within a day. Whoever has it sets the password."
    try:
        say(f"{address_of(settings)}/setup/{secret}\nThe link {once}")
    except InputError:
        place = "the address of the operators' page, which the daemon printed at its start"
        say(f"/setup/{secret}\nThis, behind {place}, {once}")


def _require_provider(oidc: object) -> None:
    if oidc is None:
        raise InputError("there is no identity provider; see operators.oidc in the settings")


@accounts_app.command("list")
def list_(config: ConfigOption = DEFAULT) -> None:
    """List accounts and their roles."""
    from agr.operations import commands
    from agr.settings import load
    from agr.store import access

    with in_words():
        store = commands.open_store(load(config))
        with store.transaction() as tx:
            known = access.accounts(tx)
    for one in known:
        used = one.password_hash is not None or one.subject is not None
        waiting = "waiting for the provider" if one.by_provider else "waiting for set-up"
        state = "disabled" if one.disabled_at else "in use" if used else waiting
        whom = () if one.role == "admin" else (*one.dsos, *one.brps)
        say(f"{one.name:<24} {one.role:<10} {state}" + (f", for {', '.join(whom)}" if whom else ""))
    if not known:
        say("no account yet; `agr accounts add NAME --role admin` creates one")


@accounts_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name to log in with.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")] = "viewer",
    company: Annotated[
        bool, typer.Option("--company", help="Log-in at the identity provider; no set-up link.")
    ] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Add an account and print its one-time set-up link."""
    from agr.settings import load

    with in_words():
        settings = load(config)
        authentication, _ = _authentication(settings)
        if company:
            _require_provider(settings.operators.oidc)
            authentication.add_for_provider(ADMINISTRATOR, name, role)
            say(f"{name} is added as {role}; whoever has this name at the identity provider may log in")
        else:
            _link(settings, authentication.add_account(ADMINISTRATOR, name, role))


@accounts_app.command("dsos")
def dsos(
    name: Annotated[str, typer.Argument(help="Account.")],
    dso: Annotated[list[str] | None, typer.Argument(help="Domains of DSOs; none: it acts for all.")] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Let an account act for some DSOs only, and see what concerns these (operators.hide_others)."""
    from agr.settings import load

    with in_words():
        authentication, _ = _authentication(load(config))
        found = authentication.change_dsos(ADMINISTRATOR, name, dso or [])
        say(f"{name} acts for {', '.join(found) or 'all DSOs'}")


@accounts_app.command("brps")
def brps(
    name: Annotated[str, typer.Argument(help="Account.")],
    brp: Annotated[list[str] | None, typer.Argument(help="Names of BRPs; none: it acts for all.")] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Let an account act for some balance responsible parties only, and see what concerns these."""
    from agr.settings import load

    with in_words():
        settings = load(config)
        authentication, _ = _authentication(settings)
        known = [one.name for one in settings.brps]
        found = authentication.change_brps(ADMINISTRATOR, name, brp or [], known)
        say(f"{name} acts for {', '.join(found) or 'all BRPs'}")


@accounts_app.command("link")
def link(name: Annotated[str, typer.Argument(help="Account.")], config: ConfigOption = DEFAULT) -> None:
    """Print a new one-time set-up link for an account whose password is lost."""
    from agr.settings import load

    with in_words():
        settings = load(config)
        authentication, _ = _authentication(settings)
        _link(settings, authentication.new_link(ADMINISTRATOR, name))


@accounts_app.command("token")
def token(
    name: Annotated[str, typer.Argument(help="Account that the token acts for.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="What the token may do: read, metrics, preview, act, answer, readings, register, admin; "
            "repeatable, none includes another. The commands need read, preview and act.",
        ),
    ],
    purpose: Annotated[str, typer.Option("--for", help="Purpose of the token.")] = "command line",
    days: Annotated[int, typer.Option(help="Validity in days.")] = 30,
    config: ConfigOption = DEFAULT,
) -> None:
    """Print a new API token; only its digest is kept."""
    from agr.settings import load
    from agr.store import access

    with in_words():
        authentication, store = _authentication(load(config))
        with store.transaction() as tx:
            known = access.account(tx, name)
        if known is None or known.disabled_at is not None:
            raise InputError(f"there is no account {name!r} in use; `agr accounts add {name}` creates one")
        owner = Principal(
            name=known.name,
            role=known.role,
            allowed=ROLES[known.role],
            via=ADMINISTRATOR,
            dsos=frozenset(known.dsos),
            brps=frozenset(known.brps),
        )
        say(authentication.make_token(owner, purpose, scope, days))
