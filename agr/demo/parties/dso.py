"""A DSO: judges D-Prognoses; reserves and releases flexibility; requests, orders and settles it."""

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shapeshifter_uftp import (
    ContractSettlement,
    ContractSettlementISP,
    ContractSettlementPeriod,
    DPrognosis,
    DPrognosisResponse,
    FlexOffer,
    FlexOfferResponse,
    FlexOfferRevocation,
    FlexOfferRevocationResponse,
    FlexOrder,
    FlexOrderISP,
    FlexOrderSettlement,
    FlexOrderSettlementISP,
    FlexOrderStatus,
    FlexRequest,
    FlexRequestISP,
    FlexSettlement,
    Metering,
    MeteringResponse,
    ShapeshifterDsoService,
)

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties import command_lines
    from agr.demo.parties.uftp_party import UftpParty, isp_numbers, only_received, verdict
else:
    import command_lines
    from uftp_party import UftpParty, isp_numbers, only_received, verdict

_CENT = Decimal("0.01")
Programs = dict[int, int]
"""ISP → W."""


class Dso(UftpParty, ShapeshifterDsoService):  # type: ignore[misc]
    """Accepts prognoses and offers, or rejects them as told; orders what it is told to."""

    process_flex_request_response = process_flex_order_response = only_received
    process_flex_reservation_update_response = process_flex_settlement_response = only_received
    process_dso_portfolio_query_response = process_dso_portfolio_update_response = only_received

    def prepare(self, lines: command_lines.Lines, config: command_lines.Json) -> None:
        """Begin without prognoses, offers and orders."""
        super().prepare(lines, config)
        self.programs: dict[tuple[str, str], Programs] = {}  # by Period and congestion point, of what was accepted
        self.offers: dict[str, tuple[FlexOffer, Programs]] = {}  # with the program at its arrival
        self.orders: dict[str, tuple[FlexOrder, Programs]] = {}  # by OrderReference

    def process_d_prognosis(self, message: DPrognosis) -> None:
        """Accept, or reject as told; say of each order of that place whether the prognosis shows it."""
        reason = self.rejections.pop(0) if self.rejections else None
        place = (str(message.period), str(message.congestion_point))
        program = powers_of(message.isps)
        if reason is None:
            self.programs[place] = program
        statuses = [
            FlexOrderStatus(flex_order_message_id=order.message_id, is_validated=shows(program, order, baseline))
            for order, baseline in self.orders.values()
            if (str(order.period), str(order.congestion_point)) == place
        ]
        answer = DPrognosisResponse(d_prognosis_message_id=message.message_id, **verdict(reason))
        answer.flex_order_statuses = statuses
        self.reply(message, answer)

    def process_flex_offer(self, message: FlexOffer) -> None:
        """Accept the message, or reject it as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        place = (str(message.period), str(message.congestion_point))
        if reason is None:
            self.offers[str(message.message_id)] = (message, dict(self.programs.get(place, {})))
        self.reply(message, FlexOfferResponse(flex_offer_message_id=message.message_id, **verdict(reason)))

    def process_flex_offer_revocation(self, message: FlexOfferRevocation) -> None:
        """Accept, unless the offer is unknown or was ordered."""
        known = message.flex_offer_message_id in self.offers
        ordered = any(order.flex_offer_message_id == message.flex_offer_message_id for order, _ in self.orders.values())
        reason = "Flexibility procured" if ordered else None if known else "Unknown FlexOfferMessageID reference"
        self.reply(
            message, FlexOfferRevocationResponse(flex_offer_revocation_message_id=message.message_id, **verdict(reason))
        )

    def process_metering(self, message: Metering) -> None:
        """Accept what connections have measured, or reject it as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        self.reply(message, MeteringResponse(metering_message_id=message.message_id, **verdict(reason)))

    # -- commands ---------------------------------------------------------------------------------------------------

    def do_request(self, line: command_lines.Json) -> command_lines.Json:
        """Send a FlexRequest for a period and congestion_point; isps: start, duration, min, max, perhaps available."""
        isps = [
            FlexRequestISP(
                disposition="Available" if isp.get("available") else "Requested", min_power=int(isp["min"]),
                max_power=int(isp["max"]), start=int(isp["start"]), duration=int(isp.get("duration", 1)),
            )
            for isp in line["isps"]
        ]  # fmt: skip
        request = FlexRequest(
            isps=isps, revision=int(line.get("revision", 1)), expiration_date_time=str(line["expires"]),
            contract_id=line.get("contract"), **self._place(line),
        )  # fmt: skip
        return self.deliver(request, line["domain"], "AGR", line.get("version", "3.1.0"))

    def do_order(self, line: command_lines.Json) -> command_lines.Json:
        """Order an offer (default: the newest one) or a part of it (factor), in a conversation of its own."""
        number = str(line.get("offer") or list(self.offers)[-1])
        offer, baseline = self.offers[number]
        option, factor = offer.offer_options[int(line.get("option", 0))], Decimal(str(line.get("factor", "1.00")))
        isps = [
            FlexOrderISP(power=round(factor * isp.power), start=isp.start, duration=isp.duration) for isp in option.isps
        ]
        order = FlexOrder(
            isps=isps, flex_offer_message_id=number, contract_id=offer.contract_id, currency=offer.currency,
            price=(Decimal(option.price) * factor).quantize(_CENT), activation_factor=factor,
            order_reference=str(line.get("reference", f"order-{time.time_ns()}")),
            option_reference=option.option_reference, isp_duration=offer.isp_duration, time_zone=offer.time_zone,
            period=offer.period, congestion_point=offer.congestion_point,
        )  # fmt: skip
        self.orders[order.order_reference] = (order, baseline)
        found = self.deliver(order, line["domain"], "AGR", line.get("version", "3.1.0"))
        return found | {"order_reference": order.order_reference, "price": str(order.price)}

    def do_direct(self, line: command_lines.Json) -> command_lines.Json:
        """Order isps (start, duration, power) under a contract for a price, without an offer; against the program of
        the last accepted D-Prognosis.
        """
        place = self._place(line)
        order = FlexOrder(
            isps=[FlexOrderISP(**isp_numbers(isp)) for isp in line["isps"]], unsolicited=True,
            contract_id=line["contract"], currency=str(line.get("currency", "EUR")), price=Decimal(str(line["price"])),
            order_reference=str(line.get("reference", f"order-{time.time_ns()}")), **place,
        )  # fmt: skip
        baseline = dict(self.programs.get((place["period"], place["congestion_point"]), {}))
        self.orders[order.order_reference] = (order, baseline)
        return self.deliver(order, line["domain"], "AGR", line.get("version", "3.1.0"))

    def do_settle(self, line: command_lines.Json) -> command_lines.Json:
        """Settle all orders of a period as if delivered, short by `short_w` in each ISP; `penalty` comes off."""
        period, short = str(line["period"]), int(line.get("short_w", 0))
        penalty = Decimal(str(line.get("penalty", 0)))
        orders = [pair for pair in self.orders.values() if str(pair[0].period) == period]
        settlement = FlexSettlement(
            flex_order_settlements=[settled(order, baseline, short, penalty) for order, baseline in orders],
            contract_settlements=[nothing_reserved(period)], period_start=period, period_end=period,
            currency=orders[0][0].currency if orders else "EUR", result="Accepted",
        )  # fmt: skip
        return self.deliver(settlement, line["domain"], "AGR", line.get("version", "3.1.0"))

    @staticmethod
    def _place(line: command_lines.Json) -> command_lines.Json:
        return {
            "congestion_point": line["congestion_point"], "period": line["period"],
            "isp_duration": line.get("isp_duration", "PT15M"), "time_zone": line.get("time_zone", "Europe/Amsterdam"),
        }  # fmt: skip


def powers_of(isps: list[Any]) -> Programs:
    """Return ISP → W of elements that may span several ISPs."""
    return {isp.start + i: isp.power for isp in isps for i in range(isp.duration)}


def shows(program: Programs, order: FlexOrder, baseline: Programs) -> bool:
    """Say whether a program is at least as far from the baseline as was ordered, in every ISP."""
    off = ((power, program.get(isp, 0) - baseline.get(isp, 0)) for isp, power in powers_of(order.isps).items())
    return all((moved <= power + 1) if power < 0 else (moved >= power - 1) for power, moved in off if power)


def settled(order: FlexOrder, baseline: Programs, short_w: int, penalty: Decimal) -> FlexOrderSettlement:
    """Return the settlement of an order of which `short_w` were not delivered in each ISP."""
    rows = []
    for isp, power in powers_of(order.isps).items():
        missing = min(short_w, abs(power))
        delivered = (abs(power) - missing) * (1 if power > 0 else -1)
        rows.append(
            FlexOrderSettlementISP(
                start=isp, duration=1, baseline_power=baseline.get(isp, 0), ordered_flex_power=power,
                actual_power=baseline.get(isp, 0) + delivered, delivered_flex_power=delivered, power_deficiency=missing,
            )
        )  # fmt: skip
    return FlexOrderSettlement(
        isps=rows, order_reference=order.order_reference, period=order.period, contract_id=order.contract_id,
        congestion_point=order.congestion_point, price=order.price, penalty=penalty,
        net_settlement=Decimal(order.price) - penalty,
    )  # fmt: skip


def nothing_reserved(period: str) -> ContractSettlement:
    """Return the dummy that the schemas demand."""
    isp = ContractSettlementISP(start=1, duration=1, reserved_power=0)
    return ContractSettlement(periods=[ContractSettlementPeriod(isps=[isp], period=period)])
