"""Forecasts, windows, limits, reservations, prices and products: what is moved, halved or turned round is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.award import Trade
from agr.domain.isp import Period
from agr.domain.register import PointLimit
from agr.planning.case import Inputs, NamedCase, Previous, build, decisions, programs_kw
from agr.planning.case_audit import audit_case, audit_programs, audit_reservations
from agr.planning.case_audit.day import day_of
from agr.planning.case_audit.switched import windows
from models.baseline import no_flexibility
from models.case import Case
from models.method import Method, solve
from tests.builders.entered import BOILER, DAYS, HEAT_PUMP, POINT, world, worlds

DAY = date(2026, 1, 15)


def moved(values: Any) -> Any:
    """Return values (…,T) one ISP later."""
    return np.roll(values, 1, axis=-1)


def in_part(part: str, field: str, change: Callable[[Any], Any]) -> Callable[[Case], Case]:
    """Return what changes one field of one part of a case."""

    def apply(case: Case) -> Case:
        arrays = getattr(case, part)
        return replace(case, **{part: replace(arrays, **{field: change(getattr(arrays, field))})})

    return apply


def in_product(field: str, change: Callable[[Any], Any]) -> Callable[[Case], Case]:
    """Return what changes one field of the case's first capacity product."""

    def apply(case: Case) -> Case:
        first, *rest = case.reserves
        return replace(case, reserves=(replace(first, **{field: change(getattr(first, field))}), *rest))

    return apply


WRONG: dict[str, Callable[[Case], Case]] = {
    "a fixed load an ISP late": in_part("fixed", "program_kw", moved),
    "a fixed load that produces": in_part("fixed", "program_kw", np.negative),
    "sun an ISP late": in_part("curtailable", "forecast_kw", moved),
    "half of the sun": in_part("curtailable", "forecast_kw", lambda v: v / 2),
    "a free curtailment": in_part("curtailable", "cost_eur_per_mwh", np.zeros_like),
    "a limit an ISP late": in_part("limits", "import_kw", moved),
    "a limit in MW": in_part("limits", "export_kw", lambda v: v / 1000),
    "a reservation an ISP late": in_part("reservations", "reserved_kw", moved),
    "a reservation turned round": in_part("reservations", "reserved_kw", np.negative),
    "a reservation in W": in_part("reservations", "reserved_kw", lambda v: v * 1000),
    "another penalty": in_part("reservations", "penalty_eur_per_mwh", lambda v: v / 2),
    "a day-ahead price an ISP late": in_part("day_ahead", "price_eur_per_mwh", moved),
    "other products": in_part("day_ahead", "product", lambda v: v // 4),
    "a position behind an open gate": in_part("day_ahead", "committed_kw", np.zeros_like),
    "more trade than allowed": in_part("day_ahead", "max_buy_kw", lambda v: v * 2),
    "a buying price an ISP late": in_part("intraday", "buy_eur_per_mwh", lambda v: moved(v) + 80),
    "a selling price an ISP late": in_part("intraday", "sell_eur_per_mwh", lambda v: moved(v) - 80),
    "deeper intraday": in_part("intraday", "buy_depth_kw", lambda v: v + 1.0),
    "cheap imbalance": in_part("imbalance", "short_eur_per_mwh", lambda v: v / 2),
    "a capacity price for a block": in_product("price_eur_per_mw", lambda v: v / 4),
    "a capacity price of the next block": in_product("price_eur_per_mw", moved),
    "awards by a probability that nobody gave": in_product("award_probability", lambda _: np.full(6, 0.5)),
    "blocks an ISP late": in_product("block", moved),
    "no minimum": in_product("minimum_mw", lambda v: v / 2),
    "a shorter margin": in_product("sustain_h", lambda v: v / 2),
    "an award": in_product("committed_mw", np.zeros_like),
    "heat that counts more at midnight": in_part("storage", "end_value_eur_per_kwh", lambda v: v + 0.01),
    "heat that counts from another content": in_part("storage", "worth_zero_kwh", lambda v: v + 1.0),
    "a credit that is not debited": lambda case: replace(case, brought_forward_eur=case.brought_forward_eur + 1.0),
    "a window that ends an ISP early": in_part("switched", "window_end", lambda v: v - 1),
    "half the hours": in_part("switched", "least_on", lambda v: v // 2),
    "more hours": in_part("switched", "most_on", lambda v: v + 1),
    "a shorter least run": in_part("switched", "min_run", np.ones_like),
    "another state": in_part("switched", "before", np.ones_like),
    "half the boiler": in_part("switched", "on_kw", lambda v: v / 2),
    "no end of starts": in_part("switched", "latest_start", lambda v: v + 1),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("day", DAYS[:3])
def test_a_mutated_case_is_found(what: str, day: date) -> None:
    inputs = world(Period(day), (HEAT_PUMP, BOILER))
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    assert audit_case(inputs, replace(named, case=WRONG[what](named.case)))


@given(worlds(), st.sampled_from(sorted(WRONG)))
@settings(max_examples=60, deadline=None)
def test_any_mutation_of_any_world_is_found(inputs: Inputs, what: str) -> None:
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    assert audit_case(inputs, replace(named, case=WRONG[what](named.case)))


def test_a_congestion_point_that_is_lost_or_belongs_to_another_dso_is_found() -> None:
    """Built without the point, the case has no limit and no reservation either: no other rule misses them."""
    inputs = world(Period(DAY), (HEAT_PUMP,))
    named = build(inputs)
    lost = build(replace(inputs, portfolio=replace(inputs.portfolio, points=())))
    assert any(f"1 missing ['{POINT}']" in words for words in audit_case(inputs, lost))
    sold = replace(named, dsos=("other.example",))
    assert audit_case(inputs, sold) == (f"case, {POINT}: belongs to other.example, the CROs list it for dso.example",)
    none = replace(inputs, portfolio=replace(inputs.portfolio, points=()))
    assert any("1 unknown" in words for words in audit_case(none, named))


@pytest.mark.parametrize(
    ("needs", "day", "isps"),
    [
        ("01:30-04:00 1", date(2026, 1, 15), [(6, 16)]),
        ("01:30-04:00 1", date(2026, 3, 29), [(6, 12)]),  # 02:00 to 03:00 does not exist
        ("02:00-03:00 1", date(2026, 3, 29), []),
        ("02:00-03:00 1", date(2026, 10, 25), [(8, 16)]),  # it comes twice
        ("20:00-24:00 1; 00:00-01:00 0", date(2026, 10, 25), [(0, 4), (84, 100)]),
    ],
)
def test_windows_are_those_of_the_clock_on_the_wall(needs: str, day: date, isps: list[tuple[int, int]]) -> None:
    assert [(w.first, w.end) for w in windows(day_of(Period(day)), needs)] == isps


@pytest.mark.parametrize("day", DAYS)
def test_the_audits_own_clock_agrees_with_the_periods(day: date) -> None:
    """They share no code; a difference would be a fault of one of them."""
    period = Period(day)
    ours = day_of(period)
    assert ours.midnight == period.start
    assert ours.isps == period.isp_count
    labels = [period.isp_start(isp).astimezone(period.tz) for isp in range(1, period.isp_count + 1)]
    assert ours.clock.tolist() == [at.hour * 60 + at.minute for at in labels]
    assert ours.within(time(22), time(6)).sum() == sum(at.hour >= 22 or at.hour < 6 for at in labels)


def replanned(inputs: Inputs, closed: int, **more: Any) -> tuple[Inputs, NamedCase]:
    """Return the inputs of a later plan of the day, which keeps what a first one decided for the closed ISPs."""
    first = build(inputs)
    outcome = no_flexibility(first.case)
    before = Previous(
        programs_kw=programs_kw(first, outcome.programs),
        decided=decisions(first, outcome.programs),
        intraday_kw=outcome.intraday_buy_kw - outcome.intraday_sell_kw,
        point_kw=dict(zip(first.case.points, outcome.point_kw, strict=True)),
    )
    later = replace(inputs, closed_isps=closed, previous=before, **more)
    return later, build(later)


@given(
    worlds(), st.sampled_from((0, 20, 60)), st.booleans(), st.sampled_from(("battery", "run", "boiler", "sun", "car"))
)
@settings(max_examples=40, deadline=None)
def test_later_plans_of_the_day_have_no_findings(inputs: Inputs, closed: int, frozen: bool, off: str) -> None:
    later, named = replanned(
        inputs, closed, frozen_points=frozenset({POINT}) if frozen else frozenset(), unavailable_from={off: 50},
        fixed={"day-ahead": (1.5,) * inputs.period.isp_count, "FCR": (0.0,) * 6},
        reserved_w={"FO": (-700,) * inputs.period.isp_count},
    )  # fmt: skip
    assert audit_case(later, named) == ()
    forgotten = replace(named.case.storage, pinned_kw=np.full_like(named.case.storage.pinned_kw, np.nan))
    if not np.isnan(named.case.storage.pinned_kw).all():
        assert audit_case(later, replace(named, case=replace(named.case, storage=forgotten)))


def test_what_was_announced_and_the_price_of_leaving_it_are_checked() -> None:
    inputs = world(Period(DAY), (HEAT_PUMP,))
    later, named = replanned(inputs, 0, stay_eur_per_mwh=5.0)
    anchor = named.case.anchor
    assert anchor is not None
    assert audit_case(later, named) == ()
    for wrong in (
        None,
        replace(anchor, point_kw=anchor.point_kw + 1.0),
        replace(anchor, point_kw=np.full_like(anchor.point_kw, np.nan)),
        replace(anchor, eur_per_mwh=6.0),
    ):
        found = audit_case(later, replace(named, case=replace(named.case, anchor=wrong)))
        assert any("announced" in words for words in found)
    free = replace(later, stay_eur_per_mwh=0.0)
    assert any("leaving what was announced costs something" in words for words in audit_case(free, named))


def test_given_intraday_prices_with_gaps_and_crossings_have_no_findings() -> None:
    inputs = world(Period(DAY), (HEAT_PUMP,))
    bought = tuple(None if i % 5 == 0 else 40.0 + i for i in range(96))
    sold = tuple(None if i % 7 == 0 else 60.0 + i % 30 for i in range(96))
    markets = inputs.markets.model_copy(
        update={"intraday": inputs.markets.intraday.model_copy(update={"buy_series": "b", "sell_series": "s"})}
    )
    inputs = replace(inputs, markets=markets, prices={**inputs.prices, "b": bought, "s": sold})
    assert audit_case(inputs, build(inputs)) == ()


def test_bids_by_probability_have_no_findings_and_another_share_has() -> None:
    """Two shares that may earn the same: the likelier one is asked."""
    inputs = world(Period(DAY), (HEAT_PUMP,))
    product = inputs.markets.capacity[0].model_copy(
        update={"paid": "as bid", "award": ((0.5, 0.8), (0.8, 0.5), (1.0, 0.3))}
    )
    inputs = replace(inputs, markets=inputs.markets.model_copy(update={"capacity": (product,)}))
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    assert named.case.reserves[0].award_probability.tolist() == [0.8] * 6
    for field in ("price_eur_per_mw", "award_probability"):
        wrong = in_product(field, lambda v: v * 0.625)(named.case)
        assert any(field in words for words in audit_case(inputs, replace(named, case=wrong)))


def test_a_limit_of_another_day_or_point_is_not_missed_in_the_case() -> None:
    inputs = world(Period(DAY), (HEAT_PUMP,))
    limit = inputs.register.limits[0]
    others = (
        limit,
        replace(limit, last_day=DAY - timedelta(days=1)),
        replace(limit, congestion_point="ea1.2024-01.example.dso:elsewhere"),
        PointLimit(**{**vars(limit), "import_kw": None}),
    )
    inputs = replace(inputs, register=replace(inputs.register, limits=others))
    assert audit_case(inputs, build(inputs)) == ()


def test_a_boiler_that_is_on_outside_its_windows_is_found_in_the_plan() -> None:
    inputs = world(Period(DAY), (BOILER,))
    named = build(world(Period(DAY), (replace(BOILER, needs="08:00-11:00 2"),)))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-3, time_limit_s=600)
    assert any("outside its windows in 8 ISPs" in words for words in audit_programs(inputs, named, outcome))


@pytest.mark.parametrize("update", [{}, {"FO": (-700,) * 96}, {"FO": (0,) * 96}])
def test_reservations_of_a_part_are_checked_against_contracts_and_updates(update: dict[str, tuple[int, ...]]) -> None:
    inputs = replace(world(Period(DAY), (HEAT_PUMP,)), reserved_w=update)
    named, contracts = build(inputs), inputs.register.contracts
    assert audit_reservations(inputs.period, named, contracts, update, ()) == ()
    other = build(replace(inputs, reserved_w={"FO": (-650,) * 96}))
    turned = build(replace(inputs, reserved_w={"FO": (700,) * 96}))
    for wrong in (other, turned):
        assert any("FO" in words for words in audit_reservations(inputs.period, wrong, contracts, update, ()))


@pytest.mark.parametrize("closed", [0, 40])
def test_trades_that_are_left_out_doubled_or_paid_otherwise_are_found(closed: int) -> None:
    inputs = world(Period(DAY), (HEAT_PUMP,))
    starts = inputs.period.starts()
    trades = (
        Trade(trade="a", start=starts[30], minutes=60, mw=0.5, price_eur_per_mwh=80.0),
        Trade(trade="b", start=starts[33], minutes=15, mw=-0.2, price_eur_per_mwh=-5.0),
    )
    kept = Previous(intraday_kw=np.full(96, 7.0))
    inputs = replace(inputs, trades=trades, previous=kept, closed_isps=closed)
    named = build(inputs)
    assert audit_case(inputs, named) == ()
    market = named.case.intraday
    for wrong in (
        replace(market, traded_kw=np.zeros(0)),
        replace(market, traded_kw=2 * market.traded_kw),
        replace(market, traded_kw=moved(market.traded_kw)),
        replace(market, traded_eur=-market.traded_eur),
    ):
        found = audit_case(inputs, replace(named, case=replace(named.case, intraday=wrong)))
        assert any("intraday" in words for words in found)
    if closed:
        wrong = replace(market, committed_kw=np.where(np.arange(96) < closed, 7.0, np.nan))
        found = audit_case(inputs, replace(named, case=replace(named.case, intraday=wrong)))
        assert any("intraday" in words for words in found)
