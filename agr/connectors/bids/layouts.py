"""Writes a bid in the layout of a channel: CSV rows with columns of one's own, or a curve order. Pure.

The curve order is the body of `POST /curveorders` of Nord Pool's auction API: one curve per contract, and on it the
same volume at the lowest and at the highest price, which is a bid at any price; bought positive.
Source: github.com/NordPool/AuctionApi-StarterKit, Contracts/CurveOrderRequest.cs.
"""

import csv
import io
import json
import re
from dataclasses import dataclass

from agr.domain.bid import KW_PER_MW, Bid, Product
from agr.settings import BidChannel, Bids
from agr.settings.bids import CAPACITY_COLUMNS, STANDARD_COLUMNS, BidValue


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A bid as it leaves."""

    content: bytes
    content_type: str
    file_name: str


def render(bid: Bid, channel: BidChannel, bids: Bids, product_minutes: int) -> Rendered:
    """Return a bid in a channel's layout."""
    products = bid.products(product_minutes)
    stem = f"{spelt(bid.market)}-{bid.period.day}-r{bid.revision}"
    if channel.layout == "curve order":
        return Rendered(
            content=_curve_order(bid, products, channel, bids),
            content_type="application/json",
            file_name=f"{stem}.json",
        )
    return Rendered(content=_rows(bid, products, channel, bids), content_type="text/csv", file_name=f"{stem}.csv")


def spelt(market: str) -> str:
    """Return a market's name as file names and identifiers have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", market)


def _rows(bid: Bid, products: list[Product], channel: BidChannel, bids: Bids) -> bytes:
    columns = channel.columns or (STANDARD_COLUMNS if bid.block_hours is None else CAPACITY_COLUMNS)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=channel.delimiter, lineterminator="\n")
    writer.writerow(columns)
    for product in products:
        writer.writerow(_cell(value, bid, product, channel, bids) for value in columns.values())
    return text.getvalue().encode()


def _cell(value: BidValue, bid: Bid, product: Product, channel: BidChannel, bids: Bids) -> str:
    """Return one cell; amounts with as many decimals as a W needs, so that nothing is lost."""
    tz, mw = bid.period.tz, product.mw
    amounts = {
        "mw": mw, "buy_mw": max(mw, 0.0), "sell_mw": max(-mw, 0.0), "mwh": mw * product.hours, "kw": mw * KW_PER_MW,
    }  # fmt: skip
    if value in amounts:
        decimals = {"kw": 3, "mwh": 9}.get(value, 6)
        return _plain(amounts[value], decimals).replace(".", channel.decimal_mark)
    if value == "price":
        return "" if product.price is None else f"{product.price:.2f}".replace(".", channel.decimal_mark)
    start, end = product.start.astimezone(tz), product.end.astimezone(tz)
    texts = {
        "period": str(bid.period.day), "product": str(product.number), "start": start.isoformat(),
        "end": end.isoformat(), "start_utc": f"{product.start:%Y-%m-%dT%H:%M:%SZ}",
        "end_utc": f"{product.end:%Y-%m-%dT%H:%M:%SZ}", "date": f"{start:%Y-%m-%d}", "time": f"{start:%H:%M}",
        "side": "sell" if mw < 0 or bid.block_hours is not None else "buy", "area": bids.area,
        "portfolio": bids.portfolio, "plan": str(bid.plan),
        "revision": str(bid.revision), "market": bid.market, "direction": bid.direction,
        "price_unit": bid.price_unit,
    }  # fmt: skip
    return texts[value]


def _plain(amount: float, decimals: int) -> str:
    """Return a number without exponent, without needless zeros, and never as −0."""
    text = f"{amount:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _curve_order(bid: Bid, products: list[Product], channel: BidChannel, bids: Bids) -> bytes:
    day, tz = bid.period.day, bid.period.tz

    def filled(template: str, product: Product) -> str:
        start, end = product.start.astimezone(tz), product.end.astimezone(tz)
        return template.format(day=day, product=product.number, start=start, end=end)

    prices = (channel.price_min_eur_per_mwh, channel.price_max_eur_per_mwh)
    order = {
        "auctionId": filled(channel.auction_id, products[0]),
        "portfolio": bids.portfolio,
        "areaCode": bids.area,
        "comment": f"plan {bid.plan}, revision {bid.revision}",
        "curves": [
            {
                "contractId": filled(channel.contract_id, product),
                "curvePoints": [{"price": price, "volume": round(product.mw, 6)} for price in prices],
            }
            for product in products
        ],
    }
    return json.dumps(order, separators=(",", ":")).encode()
