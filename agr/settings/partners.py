"""Whom we talk to: participants of the market."""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agr.settings.section import Domain, Section, WebAddress
from agr.settings.security import ClientCertificate, ClientCredentials


def _public_key(value: str) -> str:
    words = 'expected "cs1." and the base64 of 32 bytes (signing) or 64 bytes (signing and encryption)'
    try:
        raw = base64.b64decode(value.removeprefix("cs1."), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(words) from None
    if not value.startswith("cs1.") or len(raw) not in (32, 64):
        raise ValueError(f"{words}; this one has {len(raw)} bytes; copy the key again")
    return value


def _one_or_two(keys: tuple[str, ...]) -> tuple[str, ...]:
    if len(keys) not in (1, 2):
        raise ValueError(f"expected one key, or two while they change; there are {len(keys)}")
    return keys


PublicKey = Annotated[str, AfterValidator(_public_key)]
PublicKeys = Annotated[tuple[PublicKey, ...], AfterValidator(_one_or_two)]


class ParticipantSettings(Section):
    """A participant of the market that we exchange messages with."""

    domain: Domain = Field(description="Its internet domain, as in SenderDomain.")
    role: Literal["AGR", "CRO", "DSO"] = Field(
        description="Its role: a CRO (without one: table congestion_points) answers portfolio queries, DSOs all else."
    )
    endpoint: WebAddress | None = Field(
        default=None,
        description="Where it receives messages, e.g. https://…/shapeshifter/api/v3/message; none: see discovery.",
    )
    public_keys: PublicKeys = Field(
        default=(), description='Its public keys ("cs1.…"); two while it changes keys; none: see discovery.'
    )
    barred: bool = Field(default=False, description="Reject every message it sends.")
    version: Literal["3.0.0", "3.1.0"] = Field(
        default="3.1.0", description="Version of UFTP that it speaks: 3.0.0 or 3.1.0; wins over what the DNS says."
    )
    client_certificate: ClientCertificate | None = Field(
        default=None, description="A certificate of ours, where it asks for one."
    )
    unsolicited_offers: bool = Field(
        default=False,
        description="This DSO takes offers that it has not asked for, at points whose D-Prognosis it has accepted.",
    )
    direct_orders: bool = Field(
        default=False,
        description="This DSO may order what our contracts with it reserve, without an offer, at the contract's price.",
    )
    metering_ean_digits: Literal[16, 18] | None = Field(
        default=None,
        description="A DSO is sent what connections measured (Metering), their EANs written as E and 16 digits, as the "
        "schemas demand, or 18, as libraries do; none: it is not sent.",
    )
    oauth2: ClientCredentials | None = Field(
        default=None, description="Client credentials, where it asks for an access token."
    )
