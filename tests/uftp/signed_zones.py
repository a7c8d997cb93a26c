"""A tree of signed zones in which an AGR's keys are published, and a resolver that asks them."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agr.domain.errors import DiscoveryError
from agr.messaging.keys import KeyRing
from agr.settings import Settings
from agr.uftp.dns.discovery import look_up
from agr.uftp.dns.dnssec import Dns, anchors_of
from agr.uftp.signing import KeyPair
from tests.builders.dns_server import DnsServer, Zone

PROJECT = Path(__file__).parents[2]
OTHER = "cs1." + base64.b64encode(b"x" * 32).decode()
ENDPOINT = "https://uftp.agr.example/shapeshifter/api/v3/message"


class Published:
    """Our own domain, its records as `agr keys publish` prints them, in a signed zone below a signed one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(domain="agr.example", key_file=folder / "agr.key", public_url=ENDPOINT)
        KeyPair.generate().save(self.settings.key_file)
        self.ring = KeyRing(self.settings, lambda: datetime.now(UTC))
        self.server = DnsServer(Zone("example.", ""), self.zone())

    def zone(self, more: str = "", **how: object) -> Zone:
        return Zone("agr.example.", "\n".join(self.ring.records()) + "\n" + more, **how)  # type: ignore[arg-type]

    def serve(self, *zones: Zone) -> None:
        self.server.serve(*zones)

    def dns(self, validation: str = "chain", timeout_s: float = 60) -> Dns:
        anchor = self.folder / "root.ds"
        anchor.write_text(self.server.anchor)
        return Dns(
            resolvers=[("127.0.0.1", self.server.port)], validation=validation, anchors=anchors_of(anchor),
            timeout_s=timeout_s, now=lambda: datetime.now(UTC),
        )  # fmt: skip

    def refused(self, why: str, validation: str = "chain") -> None:
        with pytest.raises(DiscoveryError, match=f"(?i){why}"):
            look_up(self.dns(validation), "agr.example", "AGR")
