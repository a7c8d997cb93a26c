"""What is watched of how plans are carried out."""

from pydantic import Field

from agr.settings.section import Section


class ExecutionSettings(Section):
    """What is watched of how plans are carried out."""

    alarm_kwh: float | None = Field(
        default=None, gt=0,
        description="Alarm where all resources together were further off their plans within an hour; none: no alarm.",
    )  # fmt: skip
