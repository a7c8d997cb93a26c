"""Says what is wrong with a configuration: keys, store, participants, what the DNS should answer."""

import os
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial

from agr.domain.errors import AgrError, DiscoveryError
from agr.domain.isp import Period, SystemClock, period_of
from agr.domain.plausibility import doubts, rated_kw
from agr.domain.register import Contract, PointMember, Register
from agr.messaging.directory import participants_of
from agr.messaging.key_file import load_key
from agr.operations.commands import open_store
from agr.settings import BidWebhook, SetpointWebhook, Settings
from agr.settings.doubts import setting_doubts
from agr.store import register_summary

_PATIENCE_S = 10.0
"""Seconds to wait for one answer."""


def findings(settings: Settings) -> list[str]:
    """Return what is wrong with keys, store and participants, in words."""
    found = []
    own: tuple[PointMember, ...] = ()
    contracts: tuple[Contract, ...] = ()
    try:
        load_key(settings)
    except AgrError as error:
        found.append(str(error))
    try:
        with closing(open_store(settings)) as store, store.transaction() as tx:
            empty, contracts = not register_summary.has_connections(tx), register_summary.contracts(tx)
            own = register_summary.point_members(tx)
            named, repeated = register_summary.brps(tx), register_summary.repeated_limits(tx)
        if empty:
            found.append("the register is empty: load it with `agr import FOLDER`")
        known = {brp.name for brp in settings.brps}
        found += [
            f"table connections names BRP {brp}, which is not in [[brps]]: nobody is told of its energy"
            for brp in sorted(named - known)
            if known
        ]
        found += [
            f"table {table} has the same limit of {what} {count} times: each would cost its penalty; remove all but one"
            for table, what, count in repeated
        ]
        dsos = {p.domain for p in settings.participants if p.role == "DSO"}
        dsos |= set(settings.gopacs.operators) if settings.gopacs else set()
        found += [
            f"contract {c.contract} is with {c.dso}, which is not a DSO in [[participants]]"
            for c in contracts
            if c.dso not in dsos and not _through_gopacs(settings, c.congestion_point)
        ]
        found += [
            f"table congestion_points names {dso}, which is not a DSO in [[participants]]: it gets no D-Prognosis"
            for dso in sorted({r.dso for r in own if not _through_gopacs(settings, r.congestion_point)} - dsos)
        ]
    except AgrError as error:
        found.append(str(error))
    roles = {p.role for p in settings.participants}
    if "DSO" not in roles and settings.gopacs is None:
        found.append("no DSO in [[participants]]: add at least one")
    if "CRO" not in roles and not own and settings.gopacs is not None:
        found.append("no congestion points: import a table congestion_points with the contracted connections (ean.…)")
    elif "CRO" not in roles and not own:
        found.append("no CRO in [[participants]]: add one, or import a table congestion_points in its place")
    found += lacking(settings)
    try:
        participants_of(settings)
        found += undiscovered(settings)
        found += unlisted(settings, contracts)
    except AgrError as error:
        found.append(str(error))
    return found


def lacking(settings: Settings) -> list[str]:
    """Return what the settings name and this machine lacks: variables with secrets, folders that can be written."""
    found = [
        f"the environment variable {variable} of BRP {brp.name} is not set; see brps.header_env"
        for brp in settings.brps
        for variable in brp.header_env.values()
        if not os.environ.get(variable)
    ]
    hooks: list[tuple[str, BidWebhook | SetpointWebhook]] = [("bids", one) for one in settings.bids.webhooks]
    hooks += [("setpoints", one) for one in settings.setpoints.webhooks]
    for section, hook in hooks:
        variables = [*hook.header_env.values(), *([hook.secret_env] if hook.secret_env else [])]
        found += [
            f"{section}: the environment variable {name} of channel {hook.name} is not set; give it to the daemon"
            for name in variables
            if not os.environ.get(name)
        ]
    tokens = [(f"participant {p.domain} ({p.role})", p.oauth2) for p in settings.participants if p.oauth2]
    tokens += [("gopacs", settings.gopacs.oauth2)] if settings.gopacs else []
    found += [
        f"{whose}: the environment variable {token.client_secret_env} of oauth2.client_secret_env is not set: nothing "
        "can be sent there; give it to the daemon"
        for whose, token in tokens
        if not os.environ.get(token.client_secret_env)
    ]
    oidc = settings.operators.oidc
    if oidc is not None and oidc.client_secret_env and not os.environ.get(oidc.client_secret_env):
        found.append(
            f"the environment variable {oidc.client_secret_env} of operators.oidc.client_secret_env is not set: nobody "
            "can log in with an account of the company; give it to the daemon"
        )
    folders = [("bids", f"channel {files.name}", files.folder) for files in settings.bids.files]
    folders += [("brps", f"BRP {brp.name}", brp.folder) for brp in settings.brps if brp.folder is not None]
    for section, whose, folder in folders:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            found.append(f"{section}: folder {folder} of {whose} cannot be written; check {there}")
    return found


_SHOWN = 20
"""Most doubts that are listed."""


def doubtful(settings: Settings) -> list[str]:
    """Return values in the register and the settings that were probably entered in another unit.

    A store's own faults are `findings`. Forecasts are those of the newest day before the day after tomorrow, prices
    those from yesterday on.
    """
    known = _known(settings)
    found = [f"setting {doubt}" for doubt in setting_doubts(settings, rated_kw(known))]
    found += [str(doubt) for doubt in doubts(known, [product.series for product in settings.markets.capacity])]
    more = [f"{len(found) - _SHOWN:,} more values are as doubtful"] if len(found) > _SHOWN else []
    return [*found[:_SHOWN], *more]


def _known(settings: Settings) -> Register:
    """Return what is stored; empty where the store cannot be read."""
    now = SystemClock().now()
    last = period_of(now, settings.time_zone, settings.isp_minutes).next().next()
    try:
        with closing(open_store(settings)) as store, store.transaction() as tx:
            if not register_summary.has_connections(tx):
                return Register()
            from agr.store import register  # slow to import, and of no use to an empty register

            known, prices = register.load(tx), register.prices(tx, now - timedelta(days=1))
            newest = register.latest_forecast_day(tx, last.day)
            period = None if newest is None else Period(newest, settings.time_zone, settings.isp_minutes)
            forecasts = () if period is None else register.forecast_ranges(tx, period)
    except AgrError:  # `findings` says why
        return Register()
    return replace(known, forecasts=forecasts, prices=prices)


def undiscovered(settings: Settings) -> list[str]:
    """Ask the DNS for what the settings leave to it; return what it did not answer. Raises SettingsError."""
    if not settings.discovery.enabled:
        return []
    from agr.messaging.discovery import dns_of  # slow to import, and most settings need no DNS
    from agr.uftp.dns.discovery import look_up

    found, dns = [], dns_of(settings)
    for p in settings.participants:
        if p.endpoint is None or not p.public_keys:
            try:
                look_up(dns, p.domain, p.role, keys=not p.public_keys, endpoint=p.endpoint is None)
            except DiscoveryError as error:
                found.append(f"{p.domain} ({p.role}) cannot be found in the DNS: {error}")
    return found


def _through_gopacs(settings: Settings, point: str) -> bool:
    return settings.gopacs is not None and point.startswith("ean.")


def unlisted(settings: Settings, contracts: tuple[Contract, ...]) -> list[str]:
    """Ask the directory of GOPACS for every operator and contract; return what it did not tell."""
    gopacs = settings.gopacs
    if gopacs is None or not os.environ.get(gopacs.oauth2.client_secret_env):
        return []  # without the secret there is no token: `lacking` says so
    from agr.messaging.directory import way_to
    from agr.uftp.connections import Connections  # slow to import, as is what follows
    from agr.uftp.gopacs import by_contract, by_domain

    connections, found = Connections(settings.tls.authorities_file, timeout_s=_PATIENCE_S), []
    bound = [c for c in contracts if _through_gopacs(settings, c.congestion_point)]
    if not gopacs.operators and not bound:
        found.append("gopacs: no operators, and no contract at a congestion point ean.…: import the table contracts")
    try:
        client = connections.prepare(way_to(gopacs))
        asks = [partial(by_domain, client, gopacs.directory, name) for name in gopacs.operators]
        asks += [partial(by_contract, client, gopacs.directory, c.contract) for c in bound]
        for ask in asks:
            try:
                ask()
            except DiscoveryError as error:
                found.append(f"gopacs: {error}")
    finally:
        connections.close()
    return found
