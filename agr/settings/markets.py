"""The markets we trade on: day-ahead, intraday, imbalance, balancing capacity.

The example configuration shows every setting with its default, or with the first of its `examples`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from agr.domain.errors import InputError
from agr.domain.isp import require_isp_minutes
from agr.settings.section import MarketTime, Name, Seconds, Section, check_names

NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class DayAhead(Section):
    """The day-ahead auction."""

    max_buy_kw: NotNegative = Field(default=100_000, description="Most power we may buy in one product.")
    max_sell_kw: NotNegative = Field(default=100_000, description="Most power we may sell in one product.")
    product_minutes: int = Field(
        default=15, gt=0, description="Length of one product; SDAC has traded 15 minutes since 2025-10-01."
    )
    forecast_series: Name = Field(
        default="day_ahead_forecast",
        description="Price series used until the results are known, EUR/MWh. One of the two series is enough: results "
        "stand in where there is no forecast, before the gate, too, and the forecast stays where there are no results.",
    )
    series: Name = Field(default="day_ahead", description="Price series of the results, EUR/MWh.")


class Intraday(Section):
    """The continuous intraday market."""

    buy_series: Name | None = Field(
        default=None,
        description="Price series at which we can buy, EUR/MWh; none: day-ahead + half the spread.",
        examples=["intraday_buy"],
    )
    sell_series: Name | None = Field(
        default=None,
        description="Price series at which we can sell, EUR/MWh; none: day-ahead − half the spread.",
        examples=["intraday_sell"],
    )
    spread_eur_per_mwh: NotNegative = Field(
        default=20, description="Buying minus selling price, where no series are given."
    )
    depth_kw: NotNegative = Field(default=10_000, description="Most power bought or sold per ISP; 0: no trading.")
    closes_before_s: Seconds = Field(default=3600, description="Trading stops this long before an ISP starts.")
    trades_reported: bool = Field(
        default=False,
        description="Every trade is entered or comes from a feed; false: where no trade is known, what the plan would "
        "trade counts as traded.",
    )

    @model_validator(mode="after")
    def _both_series_or_none(self) -> "Intraday":
        if (self.buy_series is None) != (self.sell_series is None):
            raise ValueError("give both buy_series and sell_series, or neither (then the spread is used)")
        return self


class ImbalanceReaction(Section):
    """Reacting to imbalance prices while the Period runs; off unless it is set."""

    on: bool = Field(default=False, description="Whether resources react to imbalance prices at all.")
    margin_eur_per_mwh: NotNegative = Field(
        default=40, description="How much worse the next price may be than the last known one, both ways."
    )
    max_mw: NotNegative = Field(
        default=0, description="Most power that may leave the plan: what the chosen resources can swing by, together."
    )
    max_eur_per_day: NotNegative = Field(
        default=0, description="Most money at stake in a day: imbalance at the prices known when it was chosen."
    )


class Imbalance(Section):
    """What is left over after all markets."""

    penalty_eur_per_mwh: NotNegative = Field(
        default=1000, description="Planning price of imbalance on top of the day-ahead price, both ways."
    )
    shortage_series: Name = Field(
        default="imbalance_shortage",
        description="Price series at which shortage is settled, EUR/MWh; used to say what imbalance may cost.",
    )
    surplus_series: Name = Field(
        default="imbalance_surplus", description="Price series at which surplus is settled, EUR/MWh; likewise."
    )
    reaction: ImbalanceReaction = Field(
        default=ImbalanceReaction(), description="Reacting to imbalance prices while the Period runs."
    )


class CapacityProduct(Section):
    """A balancing capacity product, sold in blocks of local wall-clock hours."""

    name: Name = Field(description="Name of the product, e.g. FCR; unique.", examples=["FCR"])
    direction: Literal["up", "down", "symmetric"] = Field(
        description="up: less consumption or more production; down: the reverse; symmetric: both.",
        examples=["symmetric"],
    )
    series: Name = Field(description="Price series of the capacity, in `price_unit`.", examples=["fcr_capacity"])
    price_unit: Literal["EUR/MW/h", "EUR/MW/block"] = Field(
        default="EUR/MW/h", description="Unit of the series: per hour or per block."
    )
    block_hours: int = Field(default=4, ge=1, le=24, description="Length of a block in local hours; must divide 24.")
    minimum_mw: NotNegative = Field(default=1, description="Smallest bid.")
    step_mw: Positive = Field(default=1, description="Bids are multiples of this.")
    max_mw: NotNegative = Field(description="Largest bid per block; 0: do not bid.", examples=[5])
    sustain_minutes: Positive = Field(default=60, description="How long full power must be deliverable.")
    gate: MarketTime = Field(
        description="When the product's auction closes.", examples=[{"at": "08:00", "days_before": 1}]
    )
    paid: Literal["as cleared", "as bid"] = Field(
        default="as cleared",
        description="What an award pays: the price of the auction, so bids ask what holding the capacity costs; or the "
        "price that was bid, so bids ask what is expected.",
    )
    price_floor: NotNegative = Field(default=0, description="Lowest price that a bid asks, in `price_unit`.")
    award: tuple[tuple[float, float], ...] = Field(
        default=(),
        description="How likely bids are accepted, where awards pay what was bid: pairs of a share of the expected "
        "price and the probability of an award at it. Bids ask the share that may be expected to earn most, and plans "
        "count what it may be expected to earn. Empty: bids ask the expected price, and plans count on the award.",
        examples=[[[0.7, 0.95], [0.85, 0.8], [1.0, 0.55]]],
    )
    shortfall_eur_per_mwh: NotNegative = Field(
        default=1000, description="Planning price of awarded capacity that is not held."
    )

    @model_validator(mode="after")
    def _bids_are_possible(self) -> "CapacityProduct":
        if self.name.startswith("bid/"):  # see agr.store.positions
            raise ValueError(f"name is {self.name!r}, but what begins with bid/ names a bid; give it another name")
        self._check_award()
        if 24 % self.block_hours:
            raise ValueError(f"block_hours is {self.block_hours}, which does not divide a day of 24 hours")
        if 0 < self.max_mw < self.minimum_mw:
            raise ValueError(
                f"max_mw ({self.max_mw:g}) is below minimum_mw ({self.minimum_mw:g}), so no bid is possible; "
                "raise it, or set it to 0 to stay out of this market"
            )
        return self

    def _check_award(self) -> None:
        if self.award and self.paid != "as bid":
            raise ValueError(
                'award is given, but awards do not pay what was bid; set paid = "as bid" or leave award out'
            )
        shares, chances = [share for share, _ in self.award], [chance for _, chance in self.award]
        if any(not 0 < share <= 10 for share in shares) or any(not 0 <= chance <= 1 for chance in chances):
            raise ValueError("award has pairs of a share of the expected price, above 0, and a probability from 0 to 1")
        if shares != sorted(set(shares)) or chances != sorted(chances, reverse=True):
            raise ValueError("award must be in order of shares, none twice, and a higher price is no likelier accepted")

    @property
    def asks(self) -> tuple[float, float]:
        """The share of the expected price that bids ask, and the probability of an award; 1 and 1 without `award`."""
        best = max(self.award, key=lambda pair: (pair[0] * pair[1], pair[1]), default=(1.0, 1.0))
        return best[0], best[1]


class Markets(Section):
    """All markets we trade on."""

    day_ahead: DayAhead = Field(default=DayAhead(), description="The day-ahead auction.")
    intraday: Intraday = Field(default=Intraday(), description="The intraday market.")
    imbalance: Imbalance = Field(default=Imbalance(), description="Imbalance settlement.")
    speculation: bool = Field(
        default=False, description="Allow trades that pay without resources to exceed what resources can do."
    )
    capacity: tuple[CapacityProduct, ...] = Field(default=(), description="Balancing capacity products.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Markets":
        check_names("capacity products", (product.name for product in self.capacity))
        return self


def isp_faults(isp_minutes: int, markets: Markets, *, finer_products: bool = False) -> list[str]:
    """Return why ISPs of this length fit no day, or not the products of the markets; empty if they do.

    With `finer_products`, products may also be parts of an ISP, which then trades them all alike.
    """
    faults, product = [], markets.day_ahead.product_minutes
    try:
        require_isp_minutes(isp_minutes)
    except InputError as error:
        return [str(error)]
    finer = finer_products and isp_minutes % product == 0
    if 1440 % product or (product % isp_minutes and not finer):
        fits = "be a multiple of isp_minutes"
        words = f"divide a day, and {fits} or divide it" if finer_products else f"{fits} and divide a day"
        both = f"isp_minutes is {isp_minutes} and markets.day_ahead.product_minutes is {product}"
        faults.append(f"{both}; product_minutes must {words}")
    return faults
