"""How back-ends hear of changed setpoints."""

from pydantic import Field, model_validator

from agr.settings.section import Name, Seconds, Section, VariableName, WebAddress, check_names


class SetpointWebhook(Section):
    """A web address that is told that setpoints have changed, so that a back-end need not ask again and again."""

    name: Name = Field(description="Name of the channel, for logs and alarms; unique.")
    url: WebAddress = Field(description="Where it is posted that setpoints have changed.")
    header_env: dict[Name, VariableName] = Field(
        default={}, description="HTTP header → environment variable with its value, e.g. a token."
    )
    secret_env: VariableName | None = Field(
        default=None, description="Environment variable with the secret that signs each post; none: not signed."
    )
    timeout_s: Seconds = Field(default=20, description="Give up one attempt after this long; it is tried again.")


class SetpointSettings(Section):
    """How back-ends hear of changed setpoints; they fetch them by API."""

    webhooks: tuple[SetpointWebhook, ...] = Field(
        default=(), description="Web addresses that are told when setpoints change."
    )

    @model_validator(mode="after")
    def _channels_can_be_told_apart(self) -> "SetpointSettings":
        check_names("channels", (channel.name for channel in self.webhooks))
        return self
