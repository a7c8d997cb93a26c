"""Forecasts of our own: whether they are made, and how."""

from typing import Annotated, Literal

from pydantic import Field

from agr.settings.section import Seconds, Section

ModelName = Literal[
    "mean of LightGBM and LEAR", "LightGBM", "LEAR", "alike days by weather", "alike days",
    "half yesterday, half last week", "naive",
]  # fmt: skip
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class Forecasts(Section):
    """Forecasts of our own, beside those that are given."""

    enabled: bool = Field(
        default=False,
        description="Before each first plan, forecast the prices we trade on; they stand in where none are given.",
    )
    model: ModelName = Field(
        default="mean of LightGBM and LEAR", description="Which model; simpler ones stand in where it cannot be used."
    )
    country: Country | None = Field(
        default=None,
        description="Country whose public holidays count as Sundays, ISO 3166; none: no holidays.",
        examples=["NL"],
    )
    budget_s: Seconds = Field(
        default=300, description="Models that take longer before a plan are given up; alike days stand in."
    )
