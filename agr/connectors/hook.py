"""Posts to a web address, signed as Standard Webhooks describe. Source: standardwebhooks.com.

The headers `webhook-id` (the same for every attempt, so that the receiver can tell a repetition), `webhook-timestamp`
and `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import hmac
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import httpx

from agr.connectors.posting import place_of
from agr.connectors.posting import post as send
from agr.domain.errors import DeliveryError
from agr.uftp.connections import tls_context


class Hook:
    """A web address that takes posts. `header_env`: HTTP header → environment variable with its value.

    Raises SettingsError where `authorities`, which are trusted in addition to the system's, cannot be read.
    """

    def __init__(
        self, name: str, url: str, *, header_env: Mapping[str, str], secret_env: str | None, timeout_s: float,
        authorities: Path | None = None,
    ) -> None:  # fmt: skip
        self._name, self._url, self._header_env, self._secret_env = name, url, header_env, secret_env
        self._timeout_s = timeout_s
        self._client = httpx.Client(verify=tls_context(authorities, beside_system=True))

    def post(self, identity: str, at: datetime, content: bytes, headers: Mapping[str, str]) -> str:
        """Post a body; return the beginning of the answer. Raises DeliveryError for everything but 2xx."""
        place = place_of(self._url)
        whole = {name: self._secret(variable) for name, variable in self._header_env.items()}
        whole |= {**headers, "webhook-id": identity}
        if self._secret_env is not None:
            try:
                whole |= signature(self._secret(self._secret_env), identity, at, content)
            except ValueError:  # its text may contain the secret
                raise DeliveryError(f"the secret in {self._secret_env} begins with whsec_ but is not base64") from None
        try:
            answer = send(self._client, self._url, content, whole, timeout_s=self._timeout_s)
        except httpx.TimeoutException as error:
            raise DeliveryError(f"{place} did not answer within {self._timeout_s:g} s") from error
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
            # the error's text may contain a header's secret
            raise DeliveryError(f"no request can be sent to {place}; check url, header_env and secret_env") from None
        except httpx.HTTPError as error:
            raise DeliveryError(f"{place} cannot be reached ({error})") from error
        if not answer.good:
            raise DeliveryError(f"{place} answered {answer}")
        return str(answer)

    def _secret(self, variable: str) -> str:
        value = os.environ.get(variable)
        if not value:
            raise DeliveryError(
                f"the environment variable {variable} of channel {self._name} is not set; give it to the daemon"
            )
        return value

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def signature(secret: str, identity: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a post. What follows `whsec_` at the beginning of a secret is base64."""
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    stamp = str(int(at.timestamp()))
    signed = hmac.digest(key, f"{identity}.{stamp}.".encode() + body, "sha256")
    return {"webhook-timestamp": stamp, "webhook-signature": f"v1,{base64.b64encode(signed).decode()}"}
