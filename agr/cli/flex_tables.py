"""Trading with DSOs as tables and lines in the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from agr.domain.faults import number_of
from agr.domain.program import in_words, limits_in_words

if TYPE_CHECKING:
    from agr.domain.flexibility import FlexOffer, OfferOption
    from agr.domain.isp import Period
    from agr.operations.flex_offers import TradingDay
    from agr.store.flex_offers import StoredOffer
    from agr.store.flex_orders import StoredOrder
    from agr.trading.metering import MeteringLine

_CENT = 0.01


def _table(title: str, columns: tuple[str, ...], numbers: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left")
    return table


def metering_table(of: "Period", lines: "list[MeteringLine]") -> Table:
    """Return what DSOs were told of a Period's measurements; consumption positive."""
    table = _table(
        f"Measured on {of}", ("DSO", "connection", "revision", "ISPs", "kWh", "sent", "state", "answer"),
        ("revision", "ISPs", "kWh"),
    )  # fmt: skip
    for line in lines:
        said = ": ".join(part for part in (line.answer, line.answer_reason) if part)
        table.add_row(
            line.dso, Text(line.connection), str(line.revision), str(line.isps), f"{line.kwh:z,.1f}",
            f"{line.sent_at.astimezone(of.tz):%a %d %b %H:%M}", line.state, Text(said),
        )  # fmt: skip
    return table


def trading_tables(of: "Period", found: "TradingDay") -> Iterator[Table]:
    """Yield a table of requests, one of offers and one of orders; powers are deviations in W."""
    requests = _table(
        f"Requests of {of}", ("congestion point", "DSO", "revision", "contract", "expires", "state", "what came of it")
    )
    for stored in found.requests:
        one = stored.request
        revision = "unsolicited" if one.unsolicited else str(one.revision)
        requests.add_row(
            Text(one.congestion_point), one.dso, revision, Text(one.contract_id or "free market"),
            f"{one.expires_at.astimezone(of.tz):%a %H:%M}", stored.state.value, Text(found.came_of(stored)),
        )  # fmt: skip
    yield requests
    offers = _table(
        "Offers", ("offer", "congestion point", "DSO", "W per ISP", "price", "until", "state"), ("price",)
    )  # fmt: skip
    for offered in found.offers:
        option = offered.offer.options[0]
        offers.add_row(
            offered.offer.message_id[:8], Text(offered.offer.congestion_point), offered.offer.dso,
            _words(offered.offer, option), f"{option.price:z,.2f} {offered.offer.currency}",
            f"{offered.offer.expires_at.astimezone(of.tz):%a %H:%M}", offered.state.value,
        )  # fmt: skip
    yield offers
    orders = _table("Orders", ("order", "congestion point", "DSO", "W per ISP", "price", "state"), ("price",))
    for ordered in found.orders:
        orders.add_row(
            Text(ordered.order.order_reference), Text(ordered.order.congestion_point), ordered.order.dso,
            ordered.words, f"{ordered.order.price:z,.2f} {ordered.order.currency}", ordered.state.value,
        )  # fmt: skip
    yield orders


def _words(offer: "FlexOffer", option: "OfferOption") -> str:
    return limits_in_words(option.power_w) if offer.limits else in_words([power or 0 for power in option.power_w])


def offer_lines(stored: "StoredOffer", order: "StoredOrder | None") -> Iterator[str]:
    """Yield an offer in lines."""
    offer = stored.offer
    where = f"{offer.dso} at {offer.congestion_point} for {offer.period}"
    yield f"offer {offer.message_id} to {where}: {stored.state.value}"
    for option in offer.options:
        yield f"  option {option.reference}: {_words(offer, option)}"
        part = "" if option.min_activation_factor == 1 else f", any part from {option.min_activation_factor}"
        yield f"    {option.price:z,.2f} {offer.currency}{part}"
    yield f"  can be ordered until {offer.expires_at.astimezone(offer.period.tz):%Y-%m-%d %H:%M %z}"
    yield f"  priced against plan {stored.plan}: " + ", ".join(
        f"{term} {eur:+z,.2f}" for term, eur in stored.costs if abs(eur) >= _CENT / 2
    )
    for limit in stored.limits:
        yield f"  limited by {limit}"
    if stored.note:
        yield f"  {stored.note}"
    if order is not None and order.settled is not None:
        settled = order.settled
        unchecked = f"; {number_of(settled.unchecked, 'ISP')} not measured by us" if settled.unchecked else ""
        yield f"  settled: {settled.net:z,.2f} of {settled.expected_net:z,.2f} expected{unchecked}"
        yield from (f"    {fault}" for fault in settled.faults)
    if order is not None:
        one, factor = order.order, order.order.activation_factor
        yield f"  ordered as {one.order_reference}: {factor} of it for {one.price:z,.2f}, {order.state.value}"
