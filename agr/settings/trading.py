"""How flexibility is sold to DSOs."""

from pydantic import Field

from agr.settings.section import Seconds, Section


class Trading(Section):
    """How flexibility is offered to DSOs, and at what price."""

    automatic: bool = Field(
        default=False, description="true: offers leave as soon as they are priced; false: when an operator sends them."
    )
    margin_eur: float = Field(default=0, ge=0, description="Added to the cost of every offer.")
    margin_share: float = Field(default=0.1, ge=0, le=10, description="Added to the cost of every offer, of that cost.")
    floor_eur: float = Field(default=0, ge=0, description="No offer asks for less.")
    risk_eur_per_mwh: float = Field(
        default=0,
        ge=0,
        description="Added per MWh that is offered, whatever the contract says.",
    )
    not_delivered_share: float = Field(
        default=0,
        ge=0,
        le=1,
        description="How likely we are not to deliver an offer; times the contract's penalty this is added, per MWh.",
    )
    penalty_eur_per_mwh: float = Field(
        default=0, ge=0, description="The penalty used for this where a request is under no contract."
    )
    sell_share: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Share of what we could deliver that is offered: forecasts are never exact.",
    )
    least_kw: float = Field(
        default=1.0,
        ge=0,
        description="An offer with less power than this in every ISP is not made, unless a contract demands it.",
    )
    options: int = Field(
        default=1,
        ge=1,
        le=4,
        description="Volumes to choose from, where the DSO supports options that exclude each other.",
    )
    expires_s: Seconds = Field(default=7200, description="How long an offer can be ordered.")
    last_order_s: Seconds = Field(
        default=3600, description="No offer can be ordered later than this before its first ISP with power."
    )
    intraday_order_s: Seconds = Field(
        default=900, description="While a day runs: a DSO has at least this long to order what we offer."
    )
    hold_s: Seconds = Field(
        default=600, description="How long after its expiry an order that was sent before it is still accepted."
    )
    meter_tolerance_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="How far a settlement's ActualPower may lie from our own meters, as a share of what was ordered.",
    )
    metering_after_s: Seconds = Field(
        default=7200, description="How long after a Period DSOs are told what was measured (metering_ean_digits)."
    )
    shortfall_eur_per_mwh: float = Field(
        default=5000, gt=0, description="Planning price of what is not delivered of an order; above that of imbalance."
    )
