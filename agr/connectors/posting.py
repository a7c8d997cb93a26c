"""Posts to web addresses of parties that we do not control: their answers cost a limited time and size."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from agr.domain.foreign_text import one_line
from agr.uftp.transport import beginning


def place_of(url: str) -> str:
    """Return the scheme and host of a web address, for logs and alarms: its path or query may hold a secret."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rpartition('@')[2]}"


@dataclass(frozen=True, kw_only=True)
class ResponseSummary:
    """The status of an answer, and its beginning in one line that can be kept."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.text}".strip()


def post(
    client: httpx.Client, url: str, content: bytes, headers: Mapping[str, str], *, timeout_s: float, shown: int = 1000
) -> ResponseSummary:
    """Post once and return the answer, with at most `shown` characters of its text.

    Redirects are not followed: they would carry the headers' secrets elsewhere. Raises what httpx raises until the
    status is there; after it, the status counts, however the body goes on.
    """
    with client.stream(
        "POST", url, content=content, headers={"Accept-Encoding": "identity", **headers}, timeout=timeout_s,
        follow_redirects=False,
    ) as response:  # fmt: skip
        return ResponseSummary(status=response.status_code, text=one_line(beginning(response))[:shown].rstrip())
