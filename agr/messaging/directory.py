"""The directory of counterparties, as the settings state it."""

from agr.settings import ClientCredentials, Gopacs, ParticipantSettings, Settings
from agr.uftp.access import Access, Way
from agr.uftp.participants import Participant, Participants


def participants_of(settings: Settings) -> Participants:
    """Return the configured directory of counterparties."""
    configured = [
        Participant(
            domain=p.domain, role=p.role, endpoint=p.endpoint or "", public_keys=p.public_keys, barred=p.barred,
            version=p.version, way=_way(p), discovered=settings.discovery.enabled,
        )
        for p in settings.participants
    ]  # fmt: skip
    gopacs = settings.gopacs
    operators = [operator(gopacs, domain) for domain in gopacs.operators] if gopacs else []
    return Participants([*configured, *operators])


def operator(gopacs: Gopacs, domain: str, public_keys: tuple[str, ...] = ()) -> Participant:
    """Return a grid operator that is reached through the broker of GOPACS; its directory has the key."""
    return Participant(
        domain=domain, role="DSO", endpoint=gopacs.broker, public_keys=public_keys, version="3.0.0", limits=True,
        way=way_to(gopacs), discovered=True,
    )  # fmt: skip


def way_to(gopacs: Gopacs) -> Way:
    """Return how broker and directory are reached: one token serves both."""
    return Way(access=_access(gopacs.oauth2))


def _access(token: ClientCredentials) -> Access:
    return Access(
        token_url=token.token_url, client_id=token.client_id, secret_variable=token.client_secret_env,
        scope=token.scope,
    )  # fmt: skip


def _way(p: ParticipantSettings) -> Way:
    own = p.client_certificate
    return Way(
        certificate=(own.certificate_file, own.key_file) if own else None,
        access=_access(p.oauth2) if p.oauth2 else None,
    )
