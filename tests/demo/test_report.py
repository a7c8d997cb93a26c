"""The demo's report finds broken promises: it compares what DSOs received with the plan."""

from dataclasses import replace
from datetime import UTC, date, datetime

from agr.demo.report import _delivery_faults, _plan_faults, _revision_faults
from agr.demo.told import Heard
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanFigures, PlanState, PointProgram, Positions, Reason, ReasonKind

KNOWN = {"p1": "one.example", "p2": "two.example"}
RESULT = PlanFigures(
    terms_eur={}, objective_eur=0, bound_eur=0, gap_eur=0, gross_cost_eur=0, no_flexibility_eur=0, imbalance_mwh=0,
    reservation_shortfall_kwh=0, comfort_shortfall_kwh=0, limit_breach_kwh=0, reserve_shortfall_mwh=0,
    termination="optimal", solver="", seconds={}, audit=(), notes=(),
)  # fmt: skip
PLAN = Plan(
    id=1, period=Period(date(2026, 3, 29)), created_at=datetime(2026, 3, 28, tzinfo=UTC),
    reasons=(Reason(kind=ReasonKind.FIRST_PLAN),), state=PlanState.AUDITED,
    points=(
        PointProgram(address="p1", dso="one.example", power_w=(1, 2)),
        PointProgram(address="p2", dso="two.example", power_w=(3, 4)),
    ),
    positions=Positions(day_ahead_kw=(), intraday_kw=(), bids_mw={}, balance_eur_per_mwh=()), result=RESULT,
)  # fmt: skip
GOOD = [
    Heard(dso="one.example", point="p1", revision=1, power_w=(1, 2)),
    Heard(dso="two.example", point="p2", revision=1, power_w=(3, 4)),
]


def test_a_kept_day_has_no_faults() -> None:
    assert _delivery_faults(KNOWN, GOOD, PLAN) == []
    assert _revision_faults(GOOD, 1) == []
    assert _plan_faults(PLAN) == []


def test_a_prognosis_nobody_received_is_named() -> None:
    assert "no DSO received a D-Prognosis of p2" in _delivery_faults(KNOWN, GOOD[:1], PLAN)


def test_a_prognosis_at_the_wrong_dso_is_named() -> None:
    wrong = [GOOD[0], replace(GOOD[1], dso="one.example")]
    assert any("which is two.example's" in f for f in _delivery_faults(KNOWN, wrong, PLAN))


def test_a_prognosis_that_differs_from_the_plan_is_named_in_watts() -> None:
    wrong = [GOOD[0], replace(GOOD[1], power_w=(3, 9))]
    assert any("p2 differs from the plan in force by 5 W" in f for f in _delivery_faults(KNOWN, wrong, PLAN))


def test_a_prognosis_with_missing_isps_is_named() -> None:
    assert _delivery_faults(KNOWN, [GOOD[0], replace(GOOD[1], power_w=(3,))], PLAN)


def test_a_revision_that_changes_nothing_is_named() -> None:
    assert any("repeats revision 1" in f for f in _revision_faults([*GOOD, replace(GOOD[0], revision=2)], 1))


def test_imbalance_shortfalls_and_audit_findings_are_broken_promises() -> None:
    bad = replace(
        PLAN,
        result=replace(
            RESULT, imbalance_mwh=1, reservation_shortfall_kwh=1, reserve_shortfall_mwh=1, audit=("a finding",)
        ),
    )
    assert len(_plan_faults(bad)) == 4
