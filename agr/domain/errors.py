"""Every error the daemon raises on purpose, in one tree.

    AgrError
    ├── InputError          what a user gave us is wrong (config, tables, command line)
    │   ├── SettingsError
    │   ├── MissingError    what was named does not exist
    │   └── TableError      carries every fault of a folder of tables
    ├── AccessError         somebody is not logged in, or may not do this
    ├── ConflictError       an action no longer fits the situation
    ├── ProtocolError       a message is not what UFTP demands
    │   ├── SealError       envelope or signature
    │   └── MessageError    inner XML
    ├── DeliveryError       a counterparty could not be reached or refused
    ├── DiscoveryError      the DNS gave no trustworthy answer about a participant
    ├── StoreError          the database is not usable
    ├── NoticeError         an alarm could not be sent by webhook or e-mail
    ├── FeedError           a price or forecast source failed
    ├── StoppedError        the service stops and drops what is under way
    └── PlanError           no usable plan could be made

Each message says what is wrong, where, and what to do next.
"""

from collections.abc import Sequence

from agr.domain.faults import Finding, counted


class AgrError(Exception):
    """Root of the tree; catching it never hides a bug."""


class InputError(AgrError):
    """What a user gave us is wrong."""


class SettingsError(InputError):
    """The configuration cannot be used."""


class MissingError(InputError):
    """What was named does not exist."""


class TableError(InputError):
    """A folder of tables has faults; `faults` lists them all, and `so` says what was not done."""

    def __init__(self, faults: Sequence[Finding | str], *, so: str = "nothing was loaded") -> None:
        self.faults = [str(fault) for fault in faults]
        super().__init__(f"{counted(faults)}, {so}:\n" + "\n".join(self.faults))


class AccessError(AgrError):
    """Somebody is not logged in, or may not do this; `status` is the HTTP status to answer."""

    def __init__(self, message: str, status: int = 403, retry_after_s: float | None = None) -> None:
        self.status, self.retry_after_s = status, retry_after_s
        super().__init__(message)


class ConflictError(AgrError):
    """An action no longer fits the situation: look again, then decide."""


class ProtocolError(AgrError):
    """A message is not what UFTP demands."""


class SealError(ProtocolError):
    """The SignedMessage envelope or its signature is wrong; `status` is the HTTP status to answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class MessageError(ProtocolError):
    """The inner XML is not a message that we can read."""


class DeliveryError(AgrError):
    """A counterparty could not be reached or refused a message."""


class DiscoveryError(AgrError):
    """The DNS gave no trustworthy answer about a participant."""


class StoppedError(AgrError):
    """The service stops: what was under way is dropped, stays open in the store, and is resumed at the next start."""


class StoreError(AgrError):
    """The database is not usable."""


class NoticeError(AgrError):
    """An alarm could not be sent by webhook or e-mail."""


class FeedError(AgrError):
    """A price or forecast source failed."""


class PlanError(AgrError):
    """No usable plan could be made."""
