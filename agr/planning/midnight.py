"""What a plan leaves to the next Period at midnight, and whether another plan leaves something else. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.planning.case import carried_states, left_eur, unmanaged_left
from agr.planning.difference import Solved
from models.audit.payers import BROUGHT_FORWARD, payers
from models.audit.protocols import Payer

_STATE, _EUR, _SHARE = 1e-3, 1e-3, 1e-6
"""Differences below this are numerical noise: of a state in kWh or ISPs, of an amount in EUR, and as a share of
either."""
_SHOWN = 3
"""Most resources that are named."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the next Period begins with, after the plan and after its unmanaged program."""

    states: Mapping[str, float]  # resource → see agr.planning.case.Inputs.carried_state
    unmanaged_states: Mapping[str, float]
    eur: float  # credited for what is left; below 0 where needs are left
    unmanaged_eur: float
    peaks_kw: Mapping[str, float] = field(default_factory=dict)  # peak charge → its highest import so far


def left_by(solved: Solved) -> Left:
    """Return what a whole portfolio's plan leaves."""
    states, eur = unmanaged_left(solved.named)
    return Left(
        states=carried_states(solved.named, solved.outcome.programs),
        unmanaged_states=states,
        eur=left_eur(solved.outcome.terms_eur),
        unmanaged_eur=eur,
        peaks_kw=_peaks_kw(solved),
    )


def _peaks_kw(solved: Solved) -> dict[str, float]:
    tariffs, seen = solved.named.case.connection_tariffs, Counter[str]()
    found = {}
    for at, kw in zip(tariffs.peak_at.tolist(), solved.outcome.peak_kw.tolist(), strict=True):
        name = tariffs.name[at]
        seen[name] += 1
        found[f"highest import of {name} in its peak charge {seen[name]}"] = kw
    return found


def credited_eur(solved: Solved) -> float:
    """Return what a plan credits for what it leaves, EUR, as the audits of its terms say whose money they are."""
    payer = payers(solved.named.case)
    left = {term for term, who in payer.items() if who is Payer.NEXT_PERIOD} - {BROUGHT_FORWARD}
    return sum(eur for term, eur in solved.outcome.terms_eur.items() if term in left)


def debit_findings(credited: float, debited: float) -> tuple[str, ...]:
    """Return a finding where a Period does not debit what the plan in force of the Period before credits, EUR."""
    if abs(credited - debited) <= _EUR + _SHARE * abs(credited):
        return ()
    return (f"{debited:.2f} EUR are brought forward, the day before credits {credited:.2f} EUR for what it leaves",)


def leaves_otherwise(before: Left | None, after: Left, least: float = 0.0) -> str:
    """Say how what is left differs from before, with values before → after; empty where nothing does.

    Without a plan before, the next Period began with what was entered. Where all states together moved by less than
    `least`, kWh or ISPs, nothing is said.
    """
    if before is None:
        return "it is the first plan in force, so it says what is left at midnight"
    moved = [*_moved(before.states, after.states), *_moved(before.peaks_kw, after.peaks_kw)]
    if least > 0 and _total(before.states, after.states) < least:
        return ""
    said = [*moved[:_SHOWN], *([f"{len(moved) - _SHOWN} more"] if len(moved) > _SHOWN else [])]
    if not moved and any(_moved(before.unmanaged_states, after.unmanaged_states)):
        said.append("what is left if nobody steers")
    for what, old, new in (
        ("EUR credited", before.eur, after.eur), ("EUR credited if nobody steers", before.unmanaged_eur,
        after.unmanaged_eur),
    ):  # fmt: skip
        if abs(new - old) > _EUR + _SHARE * abs(old):
            said.append(f"{what} {old:.2f} → {new:.2f}")
    return f"otherwise left at midnight: {', '.join(said)}" if said else ""


def reason_to_plan_next(plan: Plan, leaves: str | None, following: int | None) -> Reason | None:
    """Return why the next Period is planned again after a plan was stored, None where it is not.

    `leaves`: what is left otherwise, see `PlanStore.put`. `following`: the number of the next Period's plan in force.
    """
    if plan.state is not PlanState.AUDITED or leaves == "" or following is None:
        return None
    text = f"plan {plan.id} of {plan.period}: {leaves or 'it came into force after what the next plan began with'}"
    return Reason(kind=ReasonKind.DAY_BEFORE, reference=str(plan.id), text=text)


def _moved(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[str]:
    """Yield the resources whose state differs, or that only one of the two plans has."""
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if old is None or new is None or abs(new - old) > _STATE + _SHARE * abs(old):
            yield f"{name} {_shown(old)} → {_shown(new)}"


def _total(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return by how much all states together differ; infinite where other resources have states."""
    if before.keys() != after.keys():
        return inf
    return sum(abs(state - before[name]) for name, state in after.items())


def _shown(state: float | None) -> str:
    return "as entered" if state is None else f"{state:.6g}"
