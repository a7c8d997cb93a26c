"""What keeping a connection within limits is offered for. Pure.

The operators of GOPACS ask for a limit on the program itself under a capacity steering contract. The optimiser is asked
the same as for any other request: what it costs to take away what the plan has beyond the limit.
Source: docs/how-to/connect-to-gopacs.md.
"""

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

import numpy as np

from agr.domain.flexibility import FlexRequest, NoOffer, OfferOption, Quote
from agr.domain.register import Contract
from agr.settings import Trading
from agr.trading.quoting import Baseline, ask
from agr.trading.rooms import asked_limits, limit_room

if TYPE_CHECKING:  # the models take seconds to import
    from agr.planning.offered import Behind
    from models.flexibility.question import Answer, Question

_CENT = Decimal("0.01")
_KW = 5e-4
_ALL = "all"


def kept_anyway(
    request: FlexRequest, baseline: Baseline, plan: int, contract: Contract | None, question: "Question | NoOffer"
) -> Quote | None:
    """Return the quote that needs no optimiser: the plan keeps the limits already, or a contract's cannot be priced.

    None where they are to be priced, and where nothing can be offered: no contract, and no price either.
    """
    room = limit_room(request, baseline.power_w)
    if not room.asked_kw.any():
        return _quote(request, baseline, plan, Decimal("0.00"), (), limits=())
    if isinstance(question, NoOffer) and contract is not None:
        kwh = float(np.abs(room.asked_kw).sum()) * request.period.isp_hours
        price = contract_price(kwh, contract)
        costs = (("contract", float(price)),)
        return _quote(request, baseline, plan, price, costs, limits=(f"its cost is not known: {question.reason}",))
    return None


def contract_price(kwh: float, contract: Contract) -> Decimal:
    """Return what a contract pays for energy, in cents rounded up; nothing where it names no price."""
    eur = kwh / 1000 * (contract.price_eur_per_mwh or 0.0)
    return Decimal(repr(round(eur, 6))).quantize(_CENT, rounding=ROUND_CEILING)


def limit_quote(
    answer: "Answer", question: "Question", request: FlexRequest, baseline: Baseline, plan: int,
    contract: Contract | None, trading: Trading, behind: "Behind | None" = None,
) -> Quote | NoOffer:  # fmt: skip
    """Return the quote: the limits asked for and no others, at the contract's price, without one at their cost.

    `behind`: what the programs belong to.
    """
    if not answer.priced:
        return NoOffer(reason=answer.why_not)
    from agr.planning.offered import NOTHING_BEHIND, packed

    (priced,) = answer.priced
    missing = np.abs(question.room.asked_kw) - np.abs(priced.volume_kw) > _KW
    if missing.any():
        where = ", ".join(str(isp + 1) for isp in np.flatnonzero(missing)[:5].tolist())
        why = "; ".join(answer.binding)
        return NoOffer(reason=f"the limit cannot be kept in ISP {where}{f': {why}' if why else ''}")
    hours = request.period.isp_hours
    price, costs = ask(priced, hours, trading, None if contract is None else contract.price_eur_per_mwh or 0.0)
    return _quote(
        request, baseline, plan, price, costs, limits=answer.binding,
        draws_kwh=tuple(round(float(kw) * hours, 6) for kw in priced.traded_kw),
        outcome=packed((_ALL,), (priced.outcome,), behind or NOTHING_BEHIND),
    )  # fmt: skip


def _quote(
    request: FlexRequest, baseline: Baseline, plan: int, price: Decimal, costs: tuple[tuple[str, float], ...], *,
    limits: tuple[str, ...], draws_kwh: tuple[float, ...] = (), outcome: bytes = b"",
) -> Quote:  # fmt: skip
    option = OfferOption(reference=_ALL, power_w=asked_limits(request), price=price)
    return Quote(
        options=(option,), baseline_w=baseline.power_w, prognosis_message_id=None, plan=plan, costs=costs,
        limits=limits, draws_kwh=draws_kwh or (0.0,) * request.period.isp_count, outcome=outcome,
    )  # fmt: skip
