"""What a plan in force fixes when a market's gate closes, and when its programs may be announced. Pure."""

from dataclasses import dataclass

from agr.domain.isp import Period
from agr.domain.plan import NO_PLAN, Plan, PlanState, ReasonKind


@dataclass(frozen=True, kw_only=True)
class FixedPosition:
    """A position fixed at a gate: kW per ISP on the day-ahead market, or MW per block of a capacity product."""

    values: tuple[float, ...]
    origin: str  # where it comes from, for people


def day_ahead_at_gate(plan: Plan | None, period: Period) -> FixedPosition:
    """Return the day-ahead position of the plan in force; zero without a plan."""
    if plan is None:
        return FixedPosition(values=(0.0,) * period.isp_count, origin=NO_PLAN)
    return FixedPosition(values=plan.positions.day_ahead_kw, origin=f"plan {plan.id}")


def bid_at_gate(plan: Plan | None, product: str, blocks: int) -> FixedPosition:
    """Return the bid of the plan in force, taken as awarded; zero without a bid."""
    bids = plan.positions.bids_mw.get(product) if plan else None
    if plan is None or not bids:
        return FixedPosition(values=(0.0,) * blocks, origin=NO_PLAN)
    return FixedPosition(values=bids, origin=f"bid of plan {plan.id}")


def opens_publication(plan: Plan) -> bool:
    """Say whether programs may be announced with this plan: it is in force and was made from market results."""
    return plan.state is PlanState.AUDITED and any(reason.kind is ReasonKind.RESULTS for reason in plan.reasons)
