"""Where participants' public keys and endpoints come from when the settings do not give them: the DNS."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agr.settings.section import Seconds, Section

DNS_PORT = 53


def resolver_address(value: str) -> tuple[str, int]:
    """Return host and port of `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. Raises ValueError."""
    host, port = value, str(DNS_PORT)
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        port = rest.removeprefix(":") if rest else port
    elif value.count(":") == 1:
        host, _, port = value.partition(":")
    try:
        found = str(ipaddress.ip_address(host)), int(port)
    except ValueError:
        found = "", 0
    if not 0 < found[1] < 65536:
        raise ValueError(
            'expected an IP address, with a port if it is not 53, e.g. "192.0.2.1" or "[2001:db8::1]:5353"'
        )
    return found


def _resolver(value: str) -> str:
    resolver_address(value)
    return value


class Discovery(Section):
    """Public keys and endpoints of participants from the DNS, where `[[participants]]` does not give them."""

    enabled: bool = Field(
        default=False, description="Look up public keys and endpoints that [[participants]] does not give."
    )
    resolvers: tuple[Annotated[str, AfterValidator(_resolver)], ...] = Field(
        default=(), description="IP addresses of the resolvers to ask, with :port if not 53; none: the system's."
    )
    validation: Literal["chain", "resolver", "none"] = Field(
        default="chain",
        description="Who validates DNSSEC: we do (chain), a trusted resolver does (resolver), or nobody (none: tests).",
    )
    trust_anchors_file: Path | None = Field(
        default=None, description="Trust anchors of the chain (DS records as in a zone file); none: the root's."
    )
    timeout_s: Seconds = Field(default=5, description="Give up one query after this long.")
    keep_hours: float = Field(
        default=24,
        ge=0,
        le=24 * 365,
        description="Use an answer for this long after its time to live has ended, while the DNS gives no valid one.",
    )
