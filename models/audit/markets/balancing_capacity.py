"""Audits balancing capacity: does the market take the bids, and are they covered in every ISP, also when called?

Bids are whole steps, zero or at least the minimum, and within depth; awarded bids are as committed. In every ISP of a
block Σ headroom >= bid − shortfall on every side taken, as planned and when called; only awarded bids may be short.
"""

import numpy as np

from models.audit.findings import above, isp, named, numbered, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.resources.registry import CLASSES
from models.audit.scenario import Situation, on_side, scenarios
from models.audit.scenario import held_kw as held_of
from models.audit.totals import all_held_kw
from models.case import Case, Direction, Floats, Reserve
from models.outcome import Outcome

_KW = 1000.0
_MW_SLACK = 1e-6


def _check(case: Case, outcome: Outcome) -> Findings:
    for reserve, bids in zip(case.reserves, outcome.bids_mw, strict=True):
        yield from _bids(reserve, bids)
    yield from _shortfall(case, outcome)
    for situation in scenarios(case, outcome):
        yield from _cover(case, outcome, situation)
        yield from _at_most(case, situation)


def _at_most(case: Case, situation: Situation) -> Findings:
    """Yield where the units of a congestion point hold more of a product than they may together."""
    most = case.held_at_most
    number = {reserve.name: r for r, reserve in enumerate(case.reserves)}
    if situation.headroom is None:
        return
    for h, (product, point) in enumerate(zip(most.name, most.point.tolist(), strict=True)):
        if product not in number or not situation.points[point]:
            continue
        r = number[product]
        up = case.reserves[r].direction is not Direction.DOWN
        held_kw = np.zeros(case.isps)
        for of_class in CLASSES:
            if of_class.reserve_kw is not None:
                here = case.units(of_class.name).point == point
                held_kw += held_of(situation.headroom, of_class.name, "up" if up else "down")[r, here].sum(axis=0)
        due = most.called_kw[h] if situation.word else most.planned_kw[h]
        what = f"{situation.word}headroom of {product} at {case.points[point]} is more than was kept for an open offer,"
        yield from above((isp,), what, held_kw - due, slack(held_kw))


def _bids(reserve: Reserve, bids: Floats) -> Findings:
    axes = (numbered(f"reserve {reserve.name}, block"),)
    free = np.isnan(reserve.committed_mw)
    steps = bids / reserve.step_mw
    least = np.where(np.abs(bids) > _MW_SLACK, reserve.minimum_mw - bids, 0.0)
    traded = np.isin(np.arange(len(bids)), reserve.block)
    rules = (
        ("bid is negative", free, -bids),
        ("bid is no multiple of the step", free, np.abs(steps - np.round(steps)) * reserve.step_mw),
        ("bid is below the minimum", free, least),
        ("bid is beyond the depth", free, bids - reserve.max_mw),
        ("bid for a block without ISPs", free & ~traded, bids),
        ("bid is not what is committed", ~free, np.abs(bids - reserve.committed_mw)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(where, excess, 0.0), _MW_SLACK, "MW")


def _at_isps(case: Case, values: list[Floats]) -> Floats:
    """Return values (B,) per product as (R,T), 0 where the product is not traded."""
    result = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        for t, block in enumerate(reserve.block.tolist()):
            result[r, t] = values[r][block] if block >= 0 else 0.0
    return result


def _shortfall(case: Case, outcome: Outcome) -> Findings:
    axes = (named("reserve", [reserve.name for reserve in case.reserves]), isp)
    missing = outcome.reserve_shortfall_mw
    committed = _at_isps(case, [np.nan_to_num(reserve.committed_mw) for reserve in case.reserves])
    yield from above(axes, "reserve_shortfall_mw is negative", -missing, _MW_SLACK, "MW")
    what = "reserve_shortfall_mw is more than is committed"
    yield from above(axes, what, missing - committed, _MW_SLACK + 1e-6 * committed, "MW")


def _cover(case: Case, outcome: Outcome, situation: Situation) -> Findings:
    names = [f"{reserve.name}{' when called' if situation.word else ''}" for reserve in case.reserves]
    bids = _at_isps(case, list(outcome.bids_mw))
    needed = _KW * (bids - outcome.reserve_shortfall_mw)
    for side in ("up", "down"):
        held = _elsewhere(case, situation)
        if situation.headroom is not None:
            for part in all_held_kw(situation.headroom, side):
                held += part.sum(axis=1, dtype=np.float64)  # single precision would lose kilowatts
        missing = np.where(on_side(case, side)[:, None], needed - held, 0.0)
        what = f"bid is not covered by {side} headroom"
        yield from above((named("reserve", names), isp), what, missing, slack(needed, held))


def _elsewhere(case: Case, situation: Situation) -> Floats:
    """Return the reserve (R,T), kW, held by units outside the case."""
    other = case.remainder
    if other is None:
        return np.zeros((len(case.reserves), case.isps))
    when_called = situation.word and other.called_held_kw is not None
    return np.array(other.called_held_kw if when_called else other.held_kw)


def _eur(case: Case, outcome: Outcome) -> dict[str, float]:
    result = {"reserve shortfall": 0.0}
    for r, reserve in enumerate(case.reserves):
        each = reserve.price_eur_per_mw * outcome.bids_mw[r]
        if len(reserve.award_probability):
            open_bid = np.isnan(reserve.committed_mw)
            result[f"expected capacity {reserve.name}"] = float(np.sum((each * reserve.award_probability)[open_bid]))
            each = each[~open_bid]
        result[f"capacity {reserve.name}"] = float(np.sum(each))
        missing_mwh = float(np.sum(outcome.reserve_shortfall_mw[r])) * case.isp_hours
        result["reserve shortfall"] -= reserve.shortfall_eur_per_mwh * missing_mwh
    return result


AUDIT = MarketAudit(
    name="balancing_capacity",
    check=_check,
    shapes=lambda case: {"reserve_shortfall_mw": (len(case.reserves), case.isps)},
    shadows=lambda case: {"reserve_eur_per_mw": tuple(f"reserve {reserve.name}" for reserve in case.reserves)},
    portfolio_eur=_eur,
    payers=lambda case: (
        dict.fromkeys(
            ("reserve shortfall", *(f"capacity {reserve.name}" for reserve in case.reserves)), Payer.COUNTERPARTY
        )
        | {f"expected capacity {one.name}": Payer.NOBODY for one in case.reserves if len(one.award_probability)}
    ),
)
