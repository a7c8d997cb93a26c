"""Explains from stored plans why an ISP changed and what that earned. Pure: takes plans, returns lines of text."""

from dataclasses import dataclass

from agr.domain.plan import Cause, IspChange, Plan
from agr.planning.difference import PORTFOLIO_PRICE, Solved, binding, energy_price
from agr.planning.paying import tariffs_at
from agr.planning.probability.telling import words
from agr.store.plans import Sent


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of an explanation."""

    isp: int
    label: str
    before_w: int | None
    after_w: int
    earned_eur: float | None
    why: tuple[str, ...]


def headline(plan: Plan) -> str:
    """Return why a plan was made and what it is worth."""
    reasons = "; ".join(str(r) for r in plan.reasons)
    gap = plan.result.proven_gap_eur
    proven = "no bound proven" if gap is None else f"proven within {gap:z,.2f}"
    return (
        f"Plan {plan.id}, made {plan.created_at.astimezone(plan.period.tz):%Y-%m-%d %H:%M:%S} ({plan.state.value}): "
        f"{reasons}. "
        f"Objective {plan.result.objective_eur:z,.2f}, flexibility worth {plan.result.flexibility_eur:z,.2f}, "
        f"{proven}."
    )


def terms(plan: Plan) -> list[tuple[str, float]]:
    """Return (term, EUR) changed against the predecessor, largest first; all terms for a first plan."""
    source = plan.change.terms_eur if plan.change else plan.result.terms_eur
    return sorted(((n, v) for n, v in source.items() if abs(v) >= 0.005), key=lambda item: -abs(item[1]))


def _causes(change: IspChange) -> tuple[str, ...]:
    return tuple(str(cause) for cause in change.causes)


def changed_isps(plan: Plan, address: str, isp: int | None) -> list[Line]:
    """Return the ISPs of a congestion point that the plan changed; only `isp` (from 1) if it is given."""
    points = plan.change.points if plan.change else ()
    isps = next((p.isps for p in points if p.address == address), ())
    return [
        Line(
            isp=change.isp, label=plan.period.label(change.isp), before_w=change.before_w, after_w=change.after_w,
            earned_eur=change.earned_eur, why=_causes(change),
        )
        for change in isps
        if isp is None or change.isp == isp
    ]  # fmt: skip


def circumstances(plan: Plan, address: str) -> tuple[str, ...]:
    """Return what else changed since the plan before: at the congestion point, and in the whole portfolio."""
    if plan.change is None:
        return ()
    here = next((point.causes for point in plan.change.points if point.address == address), ())
    return (*(str(cause) for cause in here), *(f"in the portfolio: {cause}" for cause in plan.change.causes))


def promised(plan: Plan, address: str) -> tuple[str, ...]:
    """Return how reservations at a congestion point hold on days that may come; nothing where that was not planned."""
    return tuple(words(one, plan.period) for one in plan.result.promised if one.address == address)


def standing(plan: Plan, solved: Solved, address: str, isp: int) -> Line:
    """Return why an ISP (from 1) is as it is: its program, what binds, what customers pay, and the energy price."""
    case = solved.named.case
    point = case.points.index(address)
    found = [str(cause) for cause in (*binding(solved, point, isp - 1), *tariffs_at(solved, point, isp - 1))]
    price = Cause(what=PORTFOLIO_PRICE, eur_per_mwh=float(energy_price(solved, point)[isp - 1]))
    power_w = next(p.power_w for p in plan.points if p.address == address)
    return Line(
        isp=isp, label=plan.period.label(isp), before_w=None, after_w=power_w[isp - 1], earned_eur=None,
        why=(*found, str(price)),
    )  # fmt: skip


def revisions(sent: list[Sent], address: str) -> list[str]:
    """Return the prognoses sent for a congestion point, and the DSO's responses."""
    return [
        f"revision {s.revision} from plan {s.plan}: {s.state}" + (f" ({s.reason})" if s.reason else "")
        for s in sent
        if s.congestion_point == address
    ]
