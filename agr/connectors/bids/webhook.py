"""Posts bids to a web address; see `agr.connectors.hook`."""

from pathlib import Path

from agr.connectors.hook import Hook
from agr.connectors.ports import BidPost, BidReceipt
from agr.settings import BidWebhook


class BidHook:
    """A web address that takes bids; see `agr.connectors.ports.BidCarrier`."""

    def __init__(self, channel: BidWebhook, authorities: Path | None = None) -> None:
        self._hook = Hook(
            channel.name, channel.url, header_env=channel.header_env, secret_env=channel.secret_env,
            timeout_s=channel.timeout_s, authorities=authorities,
        )  # fmt: skip

    def deliver(self, post: BidPost) -> BidReceipt:
        """Post the bid; the receipt is the answer. Raises DeliveryError for everything but 2xx."""
        headers = {"Content-Type": post.content_type, "x-agr-period": post.period, "x-agr-plan": str(post.plan),
                   "x-agr-revision": str(post.revision), "x-agr-file-name": post.file_name}  # fmt: skip
        return BidReceipt(text=self._hook.post(post.id, post.sent_at, post.content, headers))

    def close(self) -> None:
        """Release connections."""
        self._hook.close()


def open_carrier(channel: BidWebhook, authorities: Path | None = None) -> BidHook:
    """Return the carrier of a channel; sends nothing yet."""
    return BidHook(channel, authorities)
