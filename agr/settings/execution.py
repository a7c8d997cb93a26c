"""Which deviations from plans raise an alarm."""

from pydantic import Field

from agr.settings.section import Section


class ExecutionSettings(Section):
    """Which deviations from plans raise an alarm."""

    alarm_kwh: float | None = Field(
        default=None, gt=0,
        description="Raise an alarm when all resources together were further off their plans than this within an hour; "
        "none: no alarm.",
    )  # fmt: skip
