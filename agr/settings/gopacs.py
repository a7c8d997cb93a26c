"""GOPACS: limits on connections under contracts with Dutch grid operators, through one message broker."""

from pydantic import Field, model_validator

from agr.settings.section import Domain, Seconds, Section, WebAddress
from agr.settings.security import ClientCredentials


class Gopacs(Section):
    """Contracts with Dutch grid operators: a broker takes our messages, a directory has the operators' keys."""

    broker: WebAddress = Field(
        default="https://clc-message-broker.gopacs-services.eu/shapeshifter/api/v3/message",
        description="Where all our messages to the operators go.",
    )
    directory: WebAddress = Field(
        default="https://api.gopacs-services.eu/uftp-participants/v3",
        description="Base address of the participants API, which has the operators' public keys.",
    )
    oauth2: ClientCredentials = Field(description="Client credentials for broker and directory.")
    operators: tuple[Domain, ...] = Field(
        default=(),
        description="Domains of operators whose requests we take; those of our contracts are found by ContractID.",
    )
    find_senders: bool = Field(
        default=False,
        description="Ask the directory about operators that we do not know, once they have sent something; every "
        "participant that it lists may then ask for limits of our contracts.",
    )
    fresh_s: Seconds = Field(default=600, ge=10, description="Ask the directory for a key again after this long.")
    keep_hours: float = Field(
        default=72, ge=0, le=24 * 365, description="Use a key for this long while the directory does not answer."
    )

    @model_validator(mode="after")
    def _operators_are_named_once(self) -> "Gopacs":
        twice = sorted({name for name in self.operators if self.operators.count(name) > 1})
        if twice:
            raise ValueError(f"operators names {', '.join(twice)} twice; keep one")
        return self
