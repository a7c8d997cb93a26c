"""Settings of messages: which changes are sent, how large what we take may be, how often sending is tried."""

from pydantic import Field, model_validator

from agr.settings.section import Seconds, Section


class Publication(Section):
    """Which changes of a plan are sent to a DSO."""

    threshold_w: int = Field(default=1, ge=1, description="An ISP has changed when its power differs by at least this.")
    stay_eur_per_mwh: float = Field(
        default=1.0,
        ge=0,
        description="Planning price of leaving an announced program: small gains do not change prognoses.",
    )
    minimum_gain_eur_per_prognosis: float = Field(
        default=0.0,
        ge=0,
        description="A new plan must gain this much per D-Prognosis that it changes; else it is not sent.",
    )
    automatic: bool = Field(default=True, description="Send without an operator's approval.")


class MessageLimits(Section):
    """Largest message accepted by the sender's role (larger ones are answered 413), and how many messages."""

    max_bytes_cro: int = Field(
        default=200_000_000, ge=1000, description="From a CRO, whose answers list every connection."
    )
    max_bytes_dso: int = Field(default=5_000_000, ge=1000, description="From anybody else.")
    max_bytes_under_way: int = Field(
        default=500_000_000,
        ge=1000,
        description="All bodies being received at one time; further ones are answered 503.",
    )
    messages_per_minute: int = Field(
        default=10_000, ge=1, description="From one sender; further ones are answered 429 and sent again later."
    )
    bytes_per_hour: int = Field(
        default=2_000_000_000,
        ge=1000,
        description="From one sender; further ones are answered 429 and sent again later.",
    )
    refused_per_minute: int = Field(
        default=600,
        ge=1,
        description="Messages that we refuse from one network address; further ones are answered 429 unread.",
    )


class Delivery(Section):
    """How long and how often sending is tried."""

    give_up_after_s: Seconds = Field(
        default=7200, description="Give up and raise an alarm; UFTP asks for at least an hour."
    )
    first_delay_s: Seconds = Field(
        default=2, description="Wait before the second attempt; doubled for each further one."
    )
    max_delay_s: Seconds = Field(default=300, description="Longest wait between two attempts.")
    alarm_after_s: Seconds = Field(
        default=300, description="Raise an alarm after this long without delivery, and keep trying."
    )
    answer_due_s: Seconds = Field(default=900, description="A response that takes longer is reported as overdue.")

    @model_validator(mode="after")
    def _delays_grow(self) -> "Delivery":
        if self.first_delay_s > self.max_delay_s:
            raise ValueError(f"first_delay_s ({self.first_delay_s:g}) is above max_delay_s ({self.max_delay_s:g})")
        return self
