"""Re-planning what is left of a Period while it runs."""

from pydantic import Field

from agr.domain.bounds import NotNegative
from agr.settings.section import Section


class Rolling(Section):
    """Re-planning what is left of a Period while it runs; off unless `every_minutes` or a deviation is given."""

    every_minutes: int = Field(
        default=0, ge=0, le=720, description="Plan the rest of the running Period again every so many minutes; 0: not."
    )
    deviation_kwh: NotNegative | None = Field(
        default=None,
        description="Plan again when stores together are measured this far from the plan in force; none: not.",
    )
    deviation_share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Plan again when one store is measured this share of its capacity away from the plan; none: not.",
    )
    least_minutes: float = Field(
        default=5, ge=0, le=720, description="Two plans because of deviations are at least this far apart."
    )
    next_day_kwh: NotNegative = Field(
        default=10.0,
        description="Such a plan asks for the next day's where it leaves stores together this far from what that "
        "began with.",
    )

    @property
    def on(self) -> bool:
        """Whether the running Period is planned again at all."""
        return self.every_minutes > 0 or self.on_deviation

    @property
    def on_deviation(self) -> bool:
        """Whether deviations are looked for."""
        return self.deviation_kwh is not None or self.deviation_share is not None
