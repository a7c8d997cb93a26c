"""Says what is wrong with a configuration: keys, store, participants, what the DNS should answer."""

from agr.domain.errors import AgrError, DiscoveryError
from agr.messaging.directory import participants_of
from agr.messaging.key_file import load_key
from agr.operations.commands import open_store
from agr.settings import Settings
from agr.store import register_summary


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
            empty, contracts = not register_summary.has_connections(tx), register_summary.contracts(tx)
        if empty:
            found.append("the register is empty: load it with `agr import FOLDER`")
        dsos = {p.domain for p in settings.participants if p.role == "DSO"}
        found += [
            f"contract {c.contract} is with {c.dso}, which is not a DSO in [[participants]]"
            for c in contracts
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
