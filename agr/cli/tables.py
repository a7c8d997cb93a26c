"""import, export, connections: the tables of what we have, and our connections at the CROs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, say, tell
from agr.domain.faults import number_of

connections_app = typer.Typer(no_args_is_help=True, help="Our connections at the CRO.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command("import")(import_)
    app.command()(export)
    connections_app.command("register")(connections_register)
    app.add_typer(connections_app, name="connections")


def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of CSV or Parquet tables.")], config: ConfigOption = DEFAULT
) -> None:
    """Load connections, resources, contracts, forecasts and prices; on any fault, load nothing and list all faults."""
    from agr.operations import commands
    from agr.operations.tables import import_tables
    from agr.settings import load

    with in_words():
        settings = load(config)
        reading = import_tables(settings, commands.open_store(settings), folder)
    for warning in reading.warnings:
        tell(f"warning: {warning}")
    for table, rows in reading.register.tables().items():
        say(f"{len(rows):>9,} {table.replace('_', ' ')}")


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    config: ConfigOption = DEFAULT,
    format: Annotated[Literal["csv", "parquet"], typer.Option(help="File format.")] = "csv",  # noqa: A002
) -> None:
    """Write all tables in the form that `agr import` reads."""
    from agr.operations import commands
    from agr.operations.tables import export_tables
    from agr.settings import load

    with in_words():
        settings = load(config)
        export_tables(settings, commands.open_store(settings), folder, format)
    say(f"wrote {folder}")


def connections_register(config: ConfigOption = DEFAULT) -> None:
    """Register our connections with every CRO (AGRPortfolioUpdate); the running daemon delivers the messages."""
    from agr.domain.errors import AgrError
    from agr.domain.isp import SystemClock
    from agr.messaging.directory import participants_of
    from agr.messaging.portfolio_requests import PortfolioRequests
    from agr.operations import commands
    from agr.settings import load
    from agr.store import register

    with in_words():
        settings = load(config)
        store = commands.open_store(settings)
        with store.transaction() as tx:
            known = register.load(tx).connections
        if not known:
            raise AgrError("the register has no connections: load them with `agr import FOLDER`")
        portfolio_requests = PortfolioRequests(store, settings, SystemClock(), participants_of(settings))
        sent = portfolio_requests.register_connections(known)
    say(f"queued {len(sent)} AGRPortfolioUpdate with {number_of(len(known), 'connection')}")
