"""Promises by probability: for how many days that may come a reservation is planned."""

from pydantic import Field

from agr.settings.section import Section


class Promises(Section):
    """Reservations that hold with a probability; off with one scenario, which takes the day as it is forecast."""

    scenarios: int = Field(
        default=1,
        ge=1,
        le=50,
        description="Number of possible days for which reservations are planned; 1: the day as it is forecast.",
    )
    probability: float = Field(
        default=0.95, ge=0.5, le=0.99, description="Calls are to be answered on this share of days."
    )
    days: int = Field(default=90, ge=21, le=730, description="Most past days from which forecast errors are taken.")
    seed: int = Field(
        default=1,
        ge=0,
        description="Random seed that deals these days into those planned for and those that check the plan.",
    )
    deviation_eur_per_mwh: float = Field(
        default=200.0, gt=0, description="Planning price of leaving, on the day, the program that was announced."
    )

    @property
    def on(self) -> bool:
        """Whether reservations are planned by probability."""
        return self.scenarios > 1
