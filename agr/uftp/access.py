"""What is needed to reach a participant over HTTPS: values only, without a client."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Access:
    """Client credentials. The secret is read from the environment each time, so it can be changed there."""

    token_url: str
    client_id: str
    secret_variable: str
    scope: str = ""


@dataclass(frozen=True, kw_only=True)
class Way:
    """What is needed to reach one participant."""

    certificate: tuple[Path, Path] | None = None
    access: Access | None = None
