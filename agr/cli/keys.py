"""`agr keys`: rotate, show, publish, find."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, say

if TYPE_CHECKING:
    from agr.messaging.keys import KeyRing

keys_app = typer.Typer(no_args_is_help=True, help="Our signing keys.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(keys_app, name="keys")


def _ring(config: Path) -> "KeyRing":
    from agr.domain.isp import SystemClock
    from agr.messaging.keys import KeyRing
    from agr.settings import load

    return KeyRing(load(config), SystemClock().now)


@keys_app.command()
def rotate(
    config: ConfigOption = DEFAULT,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait a day: all counterparties have confirmed the key.")
    ] = False,
) -> None:
    """Generate the next key; run again a day later, it comes into force. No restart is needed."""
    with in_words():
        keys = _ring(config)
        if keys.prepared:
            say(f"now in force: {keys.activate(at_once=now).public}")
            say("the previous key stays published for a day (`agr keys publish`), for messages in transit")
        else:
            say(f"next key: {keys.prepare().public}")
            say("give it to every counterparty beside the current key (`agr keys publish`), then rotate again")


@keys_app.command()
def show(config: ConfigOption = DEFAULT) -> None:
    """Show our public keys, and which of them signs."""
    with in_words():
        for entry in _ring(config).entries():
            say(f"{entry.state:<9} {entry.public}  since {entry.since:%Y-%m-%d %H:%M} UTC")


@keys_app.command()
def publish(config: ConfigOption = DEFAULT) -> None:
    """Print the DNS records by which others find us; the zone must be signed (DNSSEC)."""
    with in_words():
        for record in _ring(config).records():
            say(record)


@keys_app.command()
def find(
    domain: Annotated[str, typer.Argument(help="Internet domain of the participant.")],
    role: Annotated[Literal["AGR", "CRO", "DSO"], typer.Argument(help="Role of the participant.")],
    config: ConfigOption = DEFAULT,
) -> None:
    """Show a participant's DNS records: endpoint, version, public keys; validated as the settings say (discovery)."""
    from agr.messaging.discovery import dns_of
    from agr.settings import load
    from agr.uftp.dns.discovery import look_up

    with in_words():
        found = look_up(dns_of(load(config)), domain, role)
    say(f"endpoint  {found.endpoint}  version {found.version}")
    for key in found.public_keys:
        say(f"key       {key}")
    say(f"valid until {found.fresh_until:%Y-%m-%d %H:%M} UTC")
