"""The operators' side: where the page listens, how long log-ins last, and where alarms are sent."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agr.settings.oidc import Oidc
from agr.settings.section import MailAddress, Name, Seconds, Section, VariableName, WebAddress, check_names

FourEyes = Literal[
    "replan", "send", "send_waiting", "release", "reserve", "award", "approve_bid", "trade", "cancel_trade",
    "propose_offer", "send_offer", "revoke_offer", "make_unavailable", "make_available", "resend", "cancel", "bar",
    "enter_row", "remove_row",
]  # fmt: skip
"""Actions that may need a second person's approval; a test compares them with the actions that exist."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Operators(Section):
    """The page and the JSON API for the people and systems that run this aggregator."""

    listen_host: str = Field(default="127.0.0.1", min_length=1, description="Address the operators' page listens on.")
    listen_port: int | None = Field(
        default=None, ge=0, le=65535,
        description="Its port; none: the one after `listen_port`, or any free one where that is 0.",
    )  # fmt: skip
    public_url: WebAddress | None = Field(
        default=None, description="Where people reach the page; needed when it can be reached from other machines."
    )
    session_hours: float = Field(default=12, gt=0, description="A log-in ends after this long.")
    idle_minutes: float = Field(default=60, gt=0, description="A log-in that nobody uses ends after this long.")
    failed_log_ins: int = Field(
        default=5,
        ge=1,
        description="Failed log-ins to an account (ten times as many from an address) before one has to wait.",
    )
    failed_log_ins_s: Seconds = Field(default=900, description="Time over which failed log-ins are counted.")
    four_eyes: tuple[FourEyes, ...] = Field(
        default=(),
        description="Actions that are only done once a second person approves them; none: all at once.",
    )
    four_eyes_hours: float = Field(
        default=4, gt=0, le=168, description="An action that waits for approval this long is no longer wanted."
    )

    hide_others: bool = Field(
        default=True,
        description="Accounts that act for some DSOs or balance responsible parties see what concerns these only; "
        "false: everything.",
    )

    oidc: Oidc | None = Field(default=None, description="Log-in with an account of the company.")

    @model_validator(mode="after")
    def _others_need_an_address(self) -> "Operators":
        if not is_loopback(self.listen_host) and self.public_url is None:
            raise ValueError(
                f"listen_host {self.listen_host} can be reached from other machines; "
                'set public_url to the address they use, e.g. public_url = "https://agr-operators.example.com"'
            )
        return self


class Webhook(Section):
    """A web address that alarms are posted to."""

    name: Name = Field(description="Name of the channel; unique.")
    url: WebAddress = Field(description="Where alarms are posted.")
    header_env: dict[Name, VariableName] = Field(
        default={}, description="HTTP header → environment variable with its value: no secrets in the file."
    )
    template: str = Field(default="", description="Jinja template of the body; empty: JSON with all fields.")
    content_type: str = Field(default="application/json", min_length=1, description="Content-Type of the body.")
    kinds: tuple[Name, ...] = Field(default=(), description="Only alarms of these kinds; empty: all.")


class Email(Section):
    """A mailbox that alarms are sent to."""

    name: Name = Field(description="Name of the channel; unique.")
    host: Name = Field(description="SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls or tls; none only for a server on this machine."
    )
    user: str = Field(default="", description="User name at the server; empty: without log-in.")
    password_env: VariableName | None = Field(default=None, description="Environment variable with the password.")
    sender: MailAddress = Field(description="From whom.")
    recipients: tuple[MailAddress, ...] = Field(min_length=1, description="To whom.")
    subject: str = Field(default="", description="Jinja template of the subject; empty: the built-in one.")
    template: str = Field(default="", description="Jinja template of the text; empty: the built-in one.")
    kinds: tuple[Name, ...] = Field(default=(), description="Only alarms of these kinds; empty: all.")

    @model_validator(mode="after")
    def _passwords_travel_sealed(self) -> "Email":
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"security is none, but {self.host} is not this machine; use starttls or tls")
        if bool(self.user) != (self.password_env is not None):
            raise ValueError("user and password_env belong together; give both or neither")
        return self


class Alarms(Section):
    """When alarms are raised, and where they are sent besides the page."""

    settle_s: float = Field(
        default=30, ge=0, description="An alarm is sent once it has lasted this long; one that ends sooner is not sent."
    )
    repeat_s: float = Field(
        default=900, ge=0, description="The same alarm, raised again, is sent again only after this long."
    )
    outbox_stuck_s: Seconds = Field(
        default=1800, description="Raise an alarm for a message that has waited this long to leave."
    )
    clock_skew_s: Seconds = Field(
        default=60, description="Raise an alarm for a message from this far in the future: one of the clocks is wrong."
    )
    authorities_file: Path | None = Field(
        default=None, description="Authorities (PEM) that sign the channels' certificates; none: the system's."
    )
    webhooks: tuple[Webhook, ...] = Field(default=(), description="Web addresses that alarms are posted to.")
    emails: tuple[Email, ...] = Field(default=(), description="Mailboxes that alarms are sent to.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Alarms":
        names = [*(hook.name for hook in self.webhooks), *(mail.name for mail in self.emails)]
        check_names("channels", names)
        return self
