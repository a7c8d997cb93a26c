"""Re-planning what is left of a Period while it runs."""

from pydantic import Field

from agr.domain.bounds import NotNegative
from agr.settings.section import Section


class Rolling(Section):
    """Re-planning what is left of a Period while it runs; off unless `every_minutes`, a deviation or news is given."""

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
    price_eur_per_mwh: NotNegative | None = Field(
        default=None,
        description="Plan again when an intraday price of an ISP to come has moved this far since the plan in force; "
        "none: not.",
    )
    power_kw: NotNegative | None = Field(
        default=None,
        description="Plan again when new forecasts of loads and generators together differ this much in an ISP to "
        "come; none: not.",
    )
    session_kwh: NotNegative | None = Field(
        default=None,
        description="Plan again when cars that left early, came unplanned, did not come or need another amount make "
        "this much difference; none: not.",
    )
    look_minutes: float = Field(
        default=0,
        ge=0,
        le=720,
        description="Ask the feeds of prices and forecasts every so many minutes of the running Period; 0: before "
        "regular plans only.",
    )
    carry_on: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of a load's or generator's measured deviation that is expected to last from one ISP to the "
        "next, e.g. 0.97; 0: forecasts stay as they are.",
    )
    least_minutes: float = Field(
        default=5, ge=0, le=720, description="Two plans because of deviations or news are at least this far apart."
    )
    next_day_kwh: NotNegative = Field(
        default=10.0,
        description="Such a plan has the next day planned again when it leaves stores together this far from what the "
        "next day's plan began with.",
    )

    @property
    def on(self) -> bool:
        """Whether the running Period is planned again at all."""
        return self.every_minutes > 0 or self.on_deviation or self.on_news

    @property
    def on_deviation(self) -> bool:
        """Whether deviations are looked for."""
        return self.deviation_kwh is not None or self.deviation_share is not None

    @property
    def on_news(self) -> bool:
        """Whether new prices, forecasts or sessions are looked for."""
        return not (self.price_eur_per_mwh is None and self.power_kw is None and self.session_kwh is None)
