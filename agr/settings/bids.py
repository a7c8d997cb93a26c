"""Where our bids are sent, when, and in which layout."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from agr.domain.bid import DAY_AHEAD
from agr.settings.section import Name, Seconds, Section, VariableName, WebAddress

BidValue = Literal[
    "period", "product", "start", "end", "start_utc", "end_utc", "date", "time", "mw", "buy_mw", "sell_mw", "side",
    "mwh", "kw", "area", "portfolio", "plan", "revision", "market", "direction", "price", "price_unit",
]  # fmt: skip
"""Values that a column of a bid can hold; see docs/how-to/trade-day-ahead.md."""

STANDARD_COLUMNS: dict[str, BidValue] = {
    "period": "period", "start": "start", "end": "end", "mw": "mw", "plan": "plan", "revision": "revision",
}  # fmt: skip
CAPACITY_COLUMNS: dict[str, BidValue] = {
    "period": "period", "market": "market", "direction": "direction", "start": "start", "end": "end", "mw": "mw",
    "price": "price", "price_unit": "price_unit", "plan": "plan", "revision": "revision",
}  # fmt: skip


def _template(text: str) -> str:
    instant = datetime(2026, 3, 29, tzinfo=UTC)
    try:
        text.format(day=date(2026, 3, 29), product=1, start=instant, end=instant)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{text!r} cannot be filled in ({error}); known are {{day}}, {{product}}, {{start}} and {{end}}, with a "
            "format such as {day:%Y%m%d} or {product:02d}"
        ) from error
    return text


Template = Annotated[str, AfterValidator(_template)]


class BidChannel(Section):
    """One way out for our bids, and the layout in which they leave."""

    connector: ClassVar[str]  # module with `open_carrier(channel)`, as for feeds

    name: Name = Field(description="Name of the channel, for logs, alarms and receipts; unique.")
    markets: tuple[Name, ...] = Field(
        default=(DAY_AHEAD,),
        min_length=1,
        description="Whose bids it takes: day-ahead, and names of capacity products.",
    )
    layout: Literal["rows", "curve order"] = Field(
        default="rows",
        description="rows: CSV with a row per product; curve order: JSON as Nord Pool's auctions take it.",
    )
    columns: dict[Name, BidValue] = Field(
        default={},
        description="rows: header → what the column holds; empty: period, start, end, mw, plan, revision, and of "
        "capacity market, direction, price and price_unit, too.",
    )
    delimiter: Literal[",", ";", "\t"] = Field(default=",", description="rows: what separates columns.")
    decimal_mark: Literal[".", ","] = Field(default=".", description="rows: how decimals are written.")
    auction_id: Template = Field(default="", description="curve order: the auction, e.g. NL_DA-{day:%Y%m%d}.")
    contract_id: Template = Field(
        default="", description="curve order: the contract of a product, e.g. NL_QH_DA-{day:%Y%m%d}-{product:02d}."
    )
    price_min_eur_per_mwh: float = Field(default=-500, description="curve order: the auction's lowest price.")
    price_max_eur_per_mwh: float = Field(default=4000, description="curve order: the auction's highest price.")

    @model_validator(mode="after")
    def _fits_its_layout(self) -> "BidChannel":
        faults = []
        if self.layout == "curve order":
            faults += [
                f"layout curve order needs {key}" for key in ("auction_id", "contract_id") if not getattr(self, key)
            ]
            if "{product" not in self.contract_id and "{start" not in self.contract_id and self.contract_id:
                faults.append("contract_id is the same for every product; put {product} or {start} into it")
            if self.markets != (DAY_AHEAD,):
                faults.append("layout curve order is one of day-ahead auctions; use rows for capacity")
            if self.columns:
                faults.append("columns has no meaning in the layout curve order; remove it")
        if self.price_min_eur_per_mwh >= self.price_max_eur_per_mwh:
            faults.append("price_min_eur_per_mwh must lie below price_max_eur_per_mwh")
        if self.delimiter == self.decimal_mark:
            faults.append("delimiter and decimal_mark are both a comma; a semicolon separates such columns")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class BidFiles(BidChannel):
    """A folder into which bids are written as files."""

    connector = "agr.connectors.bids.folder"

    folder: Path = Field(description="A file per bid is written here, day-ahead-DAY-rREVISION.csv or .json.")


class BidWebhook(BidChannel):
    """A web address to which bids are posted."""

    connector = "agr.connectors.bids.webhook"

    url: WebAddress = Field(description="Where bids are posted.")
    header_env: dict[Name, VariableName] = Field(
        default={}, description="HTTP header → environment variable with its value: no secrets in the file."
    )
    secret_env: VariableName | None = Field(
        default=None, description="Environment variable with the secret that signs each post; none: not signed."
    )
    timeout_s: Seconds = Field(default=20, description="Give up one attempt after this long; it is tried again.")


class Bids(Section):
    """Our bids: when they leave, and where to. Bids on a market without a channel are not sent."""

    last_safe_s: Seconds = Field(
        default=300, description="A bid leaves this long before the gate of its market, unless it needs approval."
    )
    approval: bool = Field(
        default=False, description="A bid leaves only when an operator approves it; without approval nothing is bid."
    )
    step_mw: float = Field(default=0.1, gt=0, description="Energy is rounded to the nearest multiple of this.")
    area: str = Field(default="", max_length=64, description="Bidding zone, for layouts that name it.")
    portfolio: str = Field(
        default="", max_length=64, description="Our portfolio at the exchange, for layouts that name it."
    )
    files: tuple[BidFiles, ...] = Field(default=(), description="Folders into which bids are written.")
    webhooks: tuple[BidWebhook, ...] = Field(default=(), description="Web addresses to which bids are posted.")

    @property
    def channels(self) -> tuple[BidFiles | BidWebhook, ...]:
        """Every way out."""
        return (*self.files, *self.webhooks)

    def channels_of(self, market: str) -> tuple[BidFiles | BidWebhook, ...]:
        """Return every way out for bids on a market."""
        return tuple(channel for channel in self.channels if market in channel.markets)

    @model_validator(mode="after")
    def _channels_can_be_told_apart(self) -> "Bids":
        names = [channel.name for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"several channels are called {', '.join(twice)}; give each its own name")
        folders = [channel.folder for channel in self.files]
        if len(set(folders)) < len(folders):
            raise ValueError("two channels write into one folder, where their files would have one name; use two")
        if self.approval and not self.channels:
            raise ValueError("approval is true, but there is no channel to send a bid through; add one")
        return self
