"""Posts bids to a web address, signed as Standard Webhooks describe. Source: standardwebhooks.com.

The headers `webhook-id` (the same for every attempt of a bid, so that the receiver can tell a repetition),
`webhook-timestamp` and `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import hmac
import os
from datetime import datetime

import httpx

from agr.connectors.ports import BidPost, BidReceipt
from agr.domain.errors import DeliveryError
from agr.settings import BidWebhook

_KEPT = 1000
"""Characters of an answer that are kept as the receipt."""


class BidHook:
    """A web address that takes bids; see `agr.connectors.ports.BidCarrier`."""

    def __init__(self, channel: BidWebhook) -> None:
        self._channel = channel
        self._client = httpx.Client(timeout=channel.timeout_s, follow_redirects=False)

    def deliver(self, post: BidPost) -> BidReceipt:
        """Post the bid; the receipt is the answer. Raises DeliveryError for everything but 2xx.

        Redirects are not followed: they would carry the headers' secrets elsewhere.
        """
        channel, place = self._channel, self._channel.url.partition("?")[0]
        headers = {name: self._secret(variable) for name, variable in channel.header_env.items()}
        headers |= {"Content-Type": post.content_type, "webhook-id": post.id, "x-agr-period": post.period,
                    "x-agr-plan": str(post.plan), "x-agr-revision": str(post.revision),
                    "x-agr-file-name": post.file_name}  # fmt: skip
        if channel.secret_env is not None:
            try:
                headers |= signature(self._secret(channel.secret_env), post.id, post.sent_at, post.content)
            except ValueError:  # its text may contain the secret
                raise DeliveryError(
                    f"the secret in {channel.secret_env} begins with whsec_ but is not base64"
                ) from None
        try:
            answer = self._client.post(channel.url, content=post.content, headers=headers)
        except httpx.TimeoutException as error:
            raise DeliveryError(f"{place} did not answer within {channel.timeout_s:g} s") from error
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
            # the error's text may contain a header's secret
            raise DeliveryError(f"no request can be sent to {place}; check url, header_env and secret_env") from None
        except httpx.HTTPError as error:
            raise DeliveryError(f"{place} cannot be reached ({error})") from error
        words = f"HTTP {answer.status_code} {' '.join(answer.text.split())[:_KEPT]}".strip()
        if not answer.is_success:
            raise DeliveryError(f"{place} answered {words}")
        return BidReceipt(text=words)

    def _secret(self, variable: str) -> str:
        value = os.environ.get(variable)
        if not value:
            raise DeliveryError(
                f"the environment variable {variable} of channel {self._channel.name} is not set; give it to the daemon"
            )
        return value

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def signature(secret: str, identity: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a post. A secret that begins with `whsec_` goes on in base64."""
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    stamp = str(int(at.timestamp()))
    signed = hmac.digest(key, f"{identity}.{stamp}.".encode() + body, "sha256")
    return {"webhook-timestamp": stamp, "webhook-signature": f"v1,{base64.b64encode(signed).decode()}"}


def open_carrier(channel: BidWebhook) -> BidHook:
    """Return the carrier of a channel; sends nothing yet."""
    return BidHook(channel)
