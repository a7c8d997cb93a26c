"""The directory of counterparties, as the settings state it."""

from agr.settings import ParticipantSettings, Settings
from agr.uftp.access import Access, Way
from agr.uftp.participants import Participant, Participants


def participants_of(settings: Settings) -> Participants:
    """Return the configured directory of counterparties."""
    return Participants(
        Participant(
            domain=p.domain, role=p.role, endpoint=p.endpoint or "", public_keys=p.public_keys, barred=p.barred,
            version=p.version, way=_way(p), discovered=settings.discovery.enabled,
        )
        for p in settings.participants
    )  # fmt: skip


def _way(p: ParticipantSettings) -> Way:
    own, token = p.client_certificate, p.oauth2
    return Way(
        certificate=(own.certificate_file, own.key_file) if own else None,
        access=Access(
            token_url=token.token_url, client_id=token.client_id, secret_variable=token.client_secret_env,
            scope=token.scope,
        ) if token else None,
    )  # fmt: skip
