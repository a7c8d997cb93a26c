"""Charging sessions that are not known yet: whether plans expect them."""

from typing import Annotated

from pydantic import Field

from agr.settings.section import Section


class ExpectedSessions(Section):
    """Charging sessions that are not known yet; off unless switched on."""

    stand_in: bool = Field(
        default=False,
        description="Sessions that are forecast stand in, in plans, for those that are not known yet.",
    )
    car_kw: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Most power that a car which stands in takes; none: all that its charge point gives.",
        examples=[7.4],
    )
    plugged_in: bool = Field(
        default=False,
        description="A plugged-in car that does not say what it needs, or until when, is expected to do as cars did "
        "before.",
    )
