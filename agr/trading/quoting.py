"""From a request to the question the optimiser answers, and from its answer to a quote. Pure.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agr.domain.flexibility import Disposition, FlexRequest, NoOffer, OfferOption, Quote
from agr.domain.register import CongestionPoint, Contract
from agr.planning.difference import Solved
from agr.planning.ledger import DepthTaken
from agr.planning.plan_loader import places
from agr.settings import Planning, Trading
from agr.trading.rooms import limit_room, room_of
from models.errors import CaseError

if TYPE_CHECKING:  # the models take seconds to import
    from agr.planning.offered import Behind
    from models.case import Case
    from models.flexibility.question import Answer, Priced, Question
    from models.part import HeldByAll

_CENT = Decimal("0.01")
_OWED_KW = 0.01
"""Least power in kW from which flexibility owed under a contract is offered."""
_SMALLEST_FACTOR = Decimal("0.01")
_WHOLE = Decimal("1.00")
_NAMED = 3
"""Most FlexOptions that are named."""
_SHARES = {1: (1.0,), 2: (0.5, 1.0), 3: (1 / 3, 2 / 3, 1.0), 4: (0.25, 0.5, 0.75, 1.0)}
"""Number of options → their volumes, as shares of what is sold."""


def shares_of(point: CongestionPoint | None, trading: Trading) -> tuple[float, ...]:
    """Return the volumes to be priced, as parts of what is sold: several where the DSO takes exclusive options."""
    exclusive = point is not None and point.mutex_offers
    return _SHARES[trading.options] if exclusive else (1.0,)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The D-Prognosis that an offer deviates from."""

    power_w: tuple[int, ...]
    message_id: str | None


def question_of(
    solved: Solved, request: FlexRequest, baseline: Baseline, taken: DepthTaken, *, trading: Trading,
    planning: Planning, shares: tuple[float, ...] = (1.0,), traded_by_operator: bool = False,
    held: "HeldByAll | None" = None, giving_way: tuple[str, ...] = (),
) -> "Question | NoOffer":  # fmt: skip
    """Return what the optimiser is asked about a request, or why nothing is offered.

    `solved` is the plan in force, in which all units hold `held`; `shares` are the volumes to be priced, as parts of
    what is sold; `giving_way` orders that an order of the other direction may take back.
    """
    from models.case import held_freely
    from models.flexibility.excerpt import excerpt
    from models.flexibility.few_free import with_few_free
    from models.flexibility.question import Question
    from models.method import SMALL
    from models.part import divisible, most_choices, subproblem

    case, address = solved.named.case, request.congestion_point
    if address not in case.points:
        return NoOffer(reason=f"the plan in force has no congestion point {address}")
    at = places(solved.named, (address,))
    if not divisible(case, at, tariffs=True):
        return NoOffer(reason=f"a limit of connections at {address} counts resources elsewhere too")
    try:
        room = limit_room(request, baseline.power_w) if request.limits else room_of(request, baseline.power_w)
        # a program, and reserve, that was kept for an earlier offer may move again
        part = subproblem(case, solved.outcome, at, held, tariffs=True).when_called()
        part = replace(part, held_at_most=held_freely())
    except CaseError as error:
        return NoOffer(reason=str(error))
    planned = excerpt(case, solved.outcome, at)
    if most_choices(case, at) > SMALL:
        few = with_few_free(part, planned, SMALL // 2)
        if few is None:
            return NoOffer(reason=_too_many(part, address, SMALL // 2))
        part = few
    return Question(
        part=part, planned=planned, room=room, buy_taken_kw=taken.buy_kw,
        sell_taken_kw=taken.sell_kw, shares=shares, sell_share=1.0 if request.limits else trading.sell_share,
        traded_by_operator=traded_by_operator, reservation=request.contract_id, least_kw=_least_kw(request, trading),
        giving_way=() if request.limits else giving_way,
        time_limit_s=planning.time_limit_s, threads=planning.threads,
    )  # fmt: skip


def _too_many(part: "Case", address: str, most: int) -> str:
    """Return why a congestion point of many resources gets no offer, and what would get one."""
    why = f"{address} has more than {most:,} flexible resources, too many to price exactly at once"
    held = [
        name
        for name, kw in zip(part.reservations.name, part.reservations.reserved_kw, strict=True)
        if kw.any()
    ]  # fmt: skip
    if held:
        named = ", ".join(held[:_NAMED]) + (f" and {len(held) - _NAMED} more" if len(held) > _NAMED else "")
        freed = "its DSO would have to release it first"
        return f"{why}; {named} must stay deliverable beside the offer, which takes all of them: {freed}"
    return f"{why}, and as many loads or runs that are switched, which cannot be kept at their programs"


def _least_kw(request: FlexRequest, trading: Trading) -> float:
    """Return the power from which on a volume is offered; what a contract or limits demand is offered anyway."""
    return _OWED_KW if request.limits or request.contract_id is not None else max(trading.least_kw, _OWED_KW)


def quote_of(
    answer: "Answer", request: FlexRequest, baseline: Baseline, plan: int, trading: Trading,
    contract: Contract | None = None, behind: "Behind | None" = None,
) -> Quote | NoOffer:  # fmt: skip
    """Return the quote: an option for each volume, at its cost with risk and margin, rounded up to cents.

    `behind`: what the programs belong to; an order needs it to put them into force while its day runs.

    A contract that names a price for what is ordered under it is offered at that price.
    """
    from agr.planning.offered import NOTHING_BEHIND, packed

    if not answer.priced:
        return NoOffer(reason=answer.why_not)
    hours = request.period.isp_hours
    priced = answer.priced
    names = tuple(f"{100 * one.share:.0f} %" if len(priced) > 1 else "all" for one in priced)
    divisible = answer.convex and len(priced) == 1
    agreed = None if contract is None else contract.price_eur_per_mwh
    penalty = trading.penalty_eur_per_mwh if contract is None else contract.penalty_eur_per_mwh
    asks = [ask(one, hours, trading, agreed, penalty) for one in priced]
    options = tuple(
        OfferOption(
            reference=name, power_w=_offered_w(one, request), price=price,
            min_activation_factor=_SMALLEST_FACTOR if divisible else _WHOLE,
        )
        for name, one, (price, _) in zip(names, priced, asks, strict=True)
    )  # fmt: skip
    return Quote(
        options=options, baseline_w=baseline.power_w, prognosis_message_id=baseline.message_id, plan=plan,
        costs=asks[0][1], limits=answer.binding, draws_kwh=_draws_kwh([one.traded_kw for one in priced], hours),
        outcome=packed(names, tuple(one.outcome for one in priced), behind or NOTHING_BEHIND),
    )  # fmt: skip


def ask(
    priced: "Priced", isp_hours: float, trading: Trading, contracted_eur_per_mwh: float | None = None,
    penalty_eur_per_mwh: float = 0.0,
) -> tuple[Decimal, tuple[tuple[str, float], ...]]:  # fmt: skip
    """Return what a volume is offered for, EUR, and what that consists of: max(floor, cost + risk + margin).

    Risk is the energy offered × (probability of not delivering it × penalty_eur_per_mwh + what is added anyway).
    `contracted_eur_per_mwh`: the price that a contract names instead of all that.
    """
    cost = priced.cost_eur
    if contracted_eur_per_mwh is not None:
        eur = contracted_eur_per_mwh * float(np.abs(priced.volume_kw).sum()) * isp_hours / 1000
        price = Decimal(repr(round(eur, 6))).quantize(_CENT, rounding=ROUND_CEILING)
        return price, (*priced.costs_eur.items(), ("contract", float(price) - cost))
    mwh = float(np.abs(priced.volume_kw).sum()) * isp_hours / 1000
    risk = mwh * (trading.not_delivered_share * penalty_eur_per_mwh + trading.risk_eur_per_mwh)
    margin = trading.margin_eur + trading.margin_share * max(cost, 0.0)
    wanted = max(trading.floor_eur, cost + risk + margin, 0.0)
    price = (Decimal(repr(round(wanted, 6)))).quantize(_CENT, rounding=ROUND_CEILING)
    parts = [*priced.costs_eur.items(), ("risk", risk), ("margin", margin)]
    rest = float(price) - sum(eur for _, eur in parts)
    return price, (*((name, eur) for name, eur in parts if eur), ("rounding and floor", rest))


def _offered_w(priced: "Priced", request: FlexRequest) -> tuple[int | None, ...]:
    """Return what an option names: every requested ISP, 0 included, and the rebound in available ones.

    Rebound is rounded towards zero, so that no more of it is promised than there is.
    """
    named: list[int | None] = [None] * request.period.isp_count
    for isp in request.isps:
        at = isp.isp - 1
        if isp.disposition is Disposition.REQUESTED:
            named[at] = round(1000 * float(priced.volume_kw[at]))
        else:
            rebound = int(1000 * float(priced.deviation_kw[at]))
            named[at] = min(max(rebound, isp.min_w), isp.max_w) or None
    return tuple(named)


def _draws_kwh(traded_kw: list[NDArray[np.float64]], isp_hours: float) -> tuple[float, ...]:
    """Return the most that any of the options that exclude each other trades in each ISP, bought positive."""
    table = np.array(traded_kw) * isp_hours
    most = table[np.abs(table).argmax(axis=0), np.arange(table.shape[1])]
    return tuple(round(float(kwh), 6) for kwh in most)
