"""Turns an offer into the FlexOffer that leaves. Pure.

Source: UFTP specification, validate phase; message catalog, flex-offer and flex-offer-revocation.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal

from agr.domain.flexibility import FlexOffer, FlexRequest, OfferOption
from agr.domain.isp import Period
from agr.domain.program import IspRun, compress
from agr.uftp import messages as m

_CENT = Decimal("0.01")


def option_of(option: OfferOption, request: FlexRequest) -> OfferOption:
    """Return an option as it is offered: it names every Requested ISP, at 0 W where it has none; cents rounded up.

    Source: UFTP specification, use case exchange flexibility offers, Request mismatch. Some receivers want prices in
    EUR with two decimals.
    """
    power_w = list(option.power_w)
    for isp in request.requested:
        power_w[isp.isp - 1] = power_w[isp.isp - 1] or 0
    return replace(option, power_w=tuple(power_w), price=option.price.quantize(_CENT, rounding=ROUND_UP))


def runs_of(power_w: Sequence[int | None], spans: Sequence[tuple[int, int]] = ()) -> tuple[IspRun, ...]:
    """Return the ISP elements of an option; those of the request are kept wherever the power in one is the same.

    Some receivers look for an element with the Start and Duration of one that they requested.
    """
    runs: list[IspRun] = []
    left = list(power_w)
    for first, count in spans:
        inside = left[first - 1 : first - 1 + count]
        if len(inside) == count and None not in inside and len(set(inside)) == 1:
            runs.append(IspRun(first, int(inside[0] or 0), count))
            left[first - 1 : first - 1 + count] = [None] * count
    named = [(isp, power) for isp, power in enumerate(left, start=1) if power is not None]
    at = 0
    while at < len(named):
        stop = at + 1
        while stop < len(named) and named[stop][0] == named[stop - 1][0] + 1:
            stop += 1
        shift = named[at][0] - 1
        runs += [IspRun(r.start + shift, r.power_w, r.duration) for r in compress([p for _, p in named[at:stop]])]
        at = stop
    return tuple(sorted(runs, key=lambda run: run.start))


def latest_order(
    options: Sequence[OfferOption], period: Period, last_order_s: float, *, limits: bool = False
) -> datetime:
    """Return until when an offer can be ordered at most: so long before its first ISP with power.

    A limit of 0 is as good as any other: with `limits`, the first ISP named counts.
    """
    named = [(isp, power) for option in options for isp, power in enumerate(option.power_w, start=1)]
    first = min((isp for isp, power in named if power or (limits and power is not None)), default=1)
    return period.isp_start(first) - timedelta(seconds=last_order_s)


def flex_offer(
    offer: FlexOffer, *, spans: Sequence[tuple[int, int]], sender: str, version: str, now: datetime
) -> m.FlexOffer:
    """Return the message. A solicited offer names no D-Prognosis, which is asked for only without a request.

    An offer of limits has no baseline, and says so.
    """
    unsolicited = offer.request_message_id is None
    return m.FlexOffer(
        version=version,
        sender_domain=sender,
        recipient_domain=offer.dso,
        time_stamp=now,
        message_id=offer.message_id,
        conversation_id=offer.conversation_id,
        isp_duration=offer.period.isp_length,
        time_zone=offer.period.zone_name,
        period=offer.period.day,
        congestion_point=offer.congestion_point,
        expires_at=offer.expires_at,
        unsolicited=True if unsolicited and version != "3.0.0" else None,
        flex_request=offer.request_message_id,
        contract_id=offer.contract_id,
        prognosis=offer.prognosis_message_id if unsolicited else None,
        baseline_reference="" if offer.limits else None,
        currency=offer.currency,
        options=tuple(
            m.OfferedOption(
                option_reference=option.reference,
                price=option.price,
                min_activation_factor=option.min_activation_factor,
                isps=runs_of(option.power_w, spans),
            )
            for option in offer.options
        ),
    )


def flex_offer_revocation(
    offer: FlexOffer, *, message_id: str, sender: str, version: str, now: datetime
) -> m.FlexOfferRevocation:
    """Return the message that revokes an offer, in the offer's conversation."""
    return m.FlexOfferRevocation(
        version=version,
        sender_domain=sender,
        recipient_domain=offer.dso,
        time_stamp=now,
        message_id=message_id,
        conversation_id=offer.conversation_id,
        flex_offer=offer.message_id,
    )
