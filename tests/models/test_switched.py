"""Switched units: best responses against HiGHS on each unit's own program, and plans worked out by hand."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audit import audit
from models.baseline import no_flexibility
from models.case import Case
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from models.resources.switched.response import SwitchedResponder
from models.resources.switched.states import meetable, missed_isps, nearest, starts
from models.response import Prices, Rows
from tests.models.builders import day_ahead, intraday, limit, load, make, storage, switched
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reservation
from tests.models.random_units import HOURS, random_prices, rows, total_eur
from tests.models.solved import near, solved
from tests.models.test_decomposition import agree
from tests.models.unit_programs import switched_cost

EVERYONE = np.arange(6)


def random_unit(rng, isps, point=0):
    """A unit with everything that degenerates in some: no windows to speak of, needs beyond reach, pins, 0 kW."""
    cuts = np.sort(rng.choice(isps + 1, size=min(isps + 1, int(rng.choice([2, 2, 4, 6]))), replace=False))
    cuts = np.array([0, isps]) if rng.random() < 0.3 else cuts
    windows = []
    for first, end in list(pairwise(cuts))[:: int(rng.choice([1, 2]))]:
        long = end - first
        least = int(rng.choice([0, long // 3, long // 2, long, long + 2], p=[0.3, 0.25, 0.25, 0.1, 0.1]))
        windows.append((first, end, least, max(least, int(rng.choice([long, long + 3, least, least + 1, long // 2])))))
    rng.shuffle(windows)
    pins = np.full(isps, NAN)
    if rng.random() < 0.4:
        closed = int(rng.integers(0, isps + 1))
        pins[:closed] = rng.integers(0, 2, closed)
    if rng.random() < 0.3:
        off = int(rng.integers(0, isps))
        pins[off : int(rng.integers(off, isps)) + 1] = 0.0
    varied = rng.uniform(-1, 4, isps) * (rng.random(isps) < 0.9)
    return switched(
        isps,
        *windows,
        point=point,
        on_kw=rng.choice([1.0, 3.0, -2.0]) if rng.random() < 0.5 else varied,
        min_run=int(rng.choice([1, 1, 2, 4, 9])),
        min_rest=int(rng.choice([1, 1, 2, 4, 9])),
        start_eur=float(rng.choice([0.0, 0.0, 0.02, 0.3])),
        before=int(rng.choice([-1, -2, -5, -99, 1, 2, 5, 99])),
        shortfall=float(rng.choice([0.0, 0.01, 5.0])),
        pinned_on=pins,
    )


def world(rng: np.random.Generator, isps: int, units: int = 8) -> Case:
    """Units of the class alone, at a limited and reserved congestion point, another and none."""
    price = rng.uniform(-40, 150, isps)
    reserved = np.where(rng.random(isps) < 0.4, -rng.uniform(0, 4, isps), 0.0)
    return make(
        isps,
        *(random_unit(rng, isps, point=int(rng.integers(-1, 2))) for _ in range(units)),
        load(isps, rng.uniform(0, 2, isps)),
        limit(isps, point=0, import_kw=rng.uniform(1, 5, isps), export_kw=-3.0, penalty=300.0),
        reservation(isps, reserved, point=0, penalty=500.0),
        points=2,
        hours=0.5,
        day_ahead=day_ahead(isps, price, depth_kw=12.0),
        intraday=intraday(isps, price + 10, price - 10, depth_kw=3.0),
    )


# Best responses


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), isps=st.sampled_from([1, 2, 5, 12, 24]), called=st.booleans())
def test_answers_are_the_best_programs(seed, isps, called):
    rng = np.random.default_rng(seed)
    case = make(isps, *(random_unit(rng, isps) for _ in EVERYONE), hours=HOURS)
    prices, kept = random_prices(rng, case), meetable(case, EVERYONE)
    answers = SwitchedResponder.of(case, EVERYONE, called=called).answers(prices, rows(6), EVERYONE)
    for unit in EVERYONE:
        arguments = {"case": case, "unit": unit, "power_price": prices.power_eur_per_kw[0], "called": called}
        least = switched_cost(**arguments, slack=False)
        assert (least is not None) == kept[unit]
        least = switched_cost(**arguments, slack=True) if least is None else least
        assert answers.bound_eur[unit] == pytest.approx(least, rel=1e-7, abs=1e-7)
    np.testing.assert_array_equal(answers.power_kw, np.where(answers.on, case.switched.on_kw, 0.0))
    np.testing.assert_allclose(total_eur(answers, prices), answers.bound_eur, rtol=1e-12, atol=1e-12)
    own = case.switched.shortfall_eur * missed_isps(case.switched, answers.on)
    own = own if called else own + case.switched.start_eur * starts(case.switched, answers.on)
    np.testing.assert_allclose(answers.cost_eur, own, rtol=1e-12, atol=1e-12)
    assert (missed_isps(case.switched, answers.on)[kept] == 0).all()
    np.testing.assert_array_equal(nearest(case, EVERYONE, answers.on.astype(float)), answers.on)


@pytest.mark.parametrize("isps", [92, 96, 100])
def test_answers_are_the_best_programs_on_days_of_every_length(isps):
    rng = np.random.default_rng(isps)
    night = switched(isps, (0, 24, 8, 12), (80, isps, 3, 9), on_kw=3.0, min_run=4, min_rest=3, start_eur=0.01, before=2)
    cold = switched(isps, (0, isps, 30, 40), on_kw=9.0, min_run=2, min_rest=6, start_eur=0.02, before=-2)
    case = make(isps, night, cold, hours=HOURS)
    prices = random_prices(rng, case)
    answers = SwitchedResponder.of(case, np.arange(2)).answers(prices, rows(2), np.arange(2))
    for unit in range(2):
        least = switched_cost(case, unit, prices.power_eur_per_kw[0], slack=False)
        assert answers.bound_eur[unit] == pytest.approx(least, rel=1e-7)


def test_totals_are_the_sums_of_the_answers_however_many_threads():
    rng, units, count = np.random.default_rng(7), 1500, 4
    case = make(12, *(random_unit(rng, 12) for _ in range(units)), hours=HOURS)
    prices = Prices(
        power_eur_per_kw=np.concatenate([random_prices(rng, case).power_eur_per_kw for _ in range(3)]),
        held_eur_per_kw=np.zeros((1, 0, 12)),
    )
    where = Rows(
        power=rng.integers(0, 3, units),
        held=np.zeros(units, dtype=np.int64),
        total=rng.choice([0, 1, 3], units, p=[0.9, 0.05, 0.05]),
    )
    chosen = rng.permutation(units)
    one, three = (SwitchedResponder.of(case, chosen, threads=threads) for threads in (1, 3))
    totals, again = one.respond(prices, where, count), three.respond(prices, where, count)
    for item in fields(totals):
        np.testing.assert_array_equal(getattr(totals, item.name), getattr(again, item.name))
    answers = three.answers(prices, where, np.arange(units))
    for total in range(count):
        mine = where.total == total
        np.testing.assert_allclose(totals.power_kw[total], answers.power_kw[mine].sum(axis=0), atol=1e-9)
        assert totals.cost_eur[total] == pytest.approx(answers.cost_eur[mine].sum())
        assert totals.bound_eur[total] == pytest.approx(answers.bound_eur[mine].sum())
    few = one.answers(prices, where, np.array([5, 1499, 3]))
    np.testing.assert_array_equal(few.on, answers.on[[5, 1499, 3]])


# Plans worked out by hand


def test_a_boiler_is_on_in_the_cheapest_hours_for_as_long_as_it_must():
    # 2 kW for 2 h at least 2 h in a row: 40 + 20 = 60, 20 + 30 = 50, 30 + 90 = 120 EUR/MWh; two single hours are barred
    outcome = solved(make(4, switched(4, (0, 4, 2, 4), on_kw=2.0, min_run=2), price=[40, 20, 30, 90]))
    assert outcome.programs.switched_on.tolist() == [[False, True, True, False]]
    assert near(outcome.objective_eur, -0.1)


def test_starting_again_is_worth_its_cost_or_not():
    # in ISPs 0 and 2 for 10 + 10 and two starts, or in two neighbours for 10 + 60 and one start
    prices = [10, 60, 10]
    for start_eur, states, value in ((0.03, [True, False, True], -0.08), (0.1, [True, True, False], -0.17)):
        outcome = solved(make(3, switched(3, (0, 3, 2, 3), start_eur=start_eur), price=prices))
        assert outcome.programs.switched_on.tolist() in ([states], [states[::-1]])
        assert near(outcome.objective_eur, value)
        assert near(outcome.terms_eur["starts"], -start_eur * (2 if start_eur < 0.1 else 1))


def test_what_began_before_the_day_is_finished_outside_the_window_too():
    # on since 1 of 3 ISPs: on in ISPs 0 and 1; then 2 ISPs of rest, then free, but the window has passed
    unit = switched(6, (0, 1, 0, 1), min_run=3, min_rest=2, before=1)
    outcome = solved(make(6, unit, price=-100))
    assert outcome.programs.switched_on.tolist() == [[True, True, False, False, False, False]]


def test_a_need_that_cannot_be_met_is_missed_by_as_little_as_possible_and_reported():
    # off since 1 of 3 ISPs of rest: 2 of the 3 ISPs of the window are left, one of them is missed at 5 EUR
    unit = switched(4, (0, 3, 2, 3), min_rest=3, before=-1)
    outcome = solved(make(4, unit, price=30))
    assert outcome.programs.switched_on.tolist() == [[False, False, True, False]]
    assert near(outcome.terms_eur["comfort shortfall"], -5)


def test_a_need_that_can_be_met_is_never_traded_away():
    # 1 kW for 1 h at 9000 EUR/MWh costs 9 EUR, missing it only 5
    outcome = solved(make(1, switched(1, (0, 1, 1, 1)), price=9000))
    assert outcome.programs.switched_on.all()


def test_pins_beat_windows_needs_and_least_times():
    unit = switched(5, (3, 5, 0, 2), min_run=4, min_rest=2, pinned_on=[1, 0, NAN, NAN, 0])
    outcome = solved(make(5, unit, price=-50))
    # off in ISP 2 by its rest, on in ISP 3, where it is cut short
    assert outcome.programs.switched_on.tolist() == [[True, False, False, True, False]]


def test_a_unit_that_is_on_delivers_a_reservation_by_being_off_when_called():
    # 4 kW must be on in 2 of 4 ISPs; called, 4 kW less in ISP 1: on in ISPs 1 and 2 as planned, in 2 and 3 when called
    unit = switched(4, (0, 4, 2, 2), on_kw=4.0, min_run=2)
    case = make(4, unit, reservation(4, [0, -4, 0, 0], penalty=5000.0, fee=10.0), price=[90, 20, 20, 90])
    outcome = solved(case)
    assert outcome.programs.switched_on.tolist() == [[False, True, True, False]]
    assert outcome.called.switched_on.tolist() == [[False, False, True, True]]
    assert near(outcome.reservation_shortfall_kw, 0)


def test_unmanaged_it_is_on_as_soon_as_it_may_for_as_long_as_it_must():
    unit = switched(8, (1, 4, 2, 3), (4, 8, 1, 4), min_run=1, min_rest=2, pinned_on=[0, 0, 0, 0, 0, 0, 0, 0])
    program = no_flexibility(make(8, unit, price=10)).programs.switched_on
    assert program.tolist() == [[False, True, True, False, False, True, False, False]]


# The decomposition


@pytest.mark.parametrize("seed", range(9))
def test_the_class_alone_agrees_with_the_reference(seed):
    agree(world(np.random.default_rng(seed), (6, 12, 24)[seed % 3]))


def test_units_that_compete_for_room_take_turns():
    """Six units of 10 kW need 1 of 3 hours each, 20 kW are allowed: two in each hour, though the first is cheapest."""
    units = [switched(3, (0, 3, 1, 1), on_kw=10.0) for _ in range(6)]
    case = make(3, *units, limit(3, import_kw=20.0), day_ahead=day_ahead(3, np.array([10.0, 11.0, 12.0])))
    mine, theirs = agree(case)
    assert mine.programs.switched_on.sum(axis=0).tolist() == [2, 2, 2]
    assert mine.objective_eur == pytest.approx(theirs.objective_eur)


@pytest.mark.parametrize("battery", [False, True])
def test_many_units_under_a_tight_limit_find_room_for_their_whole_steps(battery):
    """Forty boilers of 2 to 4 kW, 48 kW allowed of the 80 the cheapest hours would take; mixtures alone breach."""
    boilers = [
        switched(24, (0, 24, 6 + i % 4, 12), on_kw=2.0 + i % 3, min_run=1 + i % 3, start_eur=0.01 * (i % 2))
        for i in range(40)
    ]
    more = [storage(24, charge_kw=6.0, discharge_kw=6.0, high=40.0, start=20.0, wear=0.001)] * battery
    case = make(24, *boilers, *more, limit(24, import_kw=48.0), price=60 + 40 * np.sin(np.arange(24) / 4))
    outcome = decompose(case, relative_gap=1e-3, time_limit_s=240)
    assert audit(case, outcome) == ()
    assert outcome.breach_import_kw.max() <= 0.01  # what the mixture leaves of the battery's share
    assert outcome.gap_eur <= 0.05 * outcome.gross_cost_eur


# What is refused, and what the audit finds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_run": np.array([0])}, "switched.min_run: must be at least one ISP"),
        ({"before": np.array([0])}, "switched.before: must not be 0"),
        ({"start_eur": np.array([-1.0])}, "switched.start_eur: must not be negative"),
        ({"window_end": np.array([[9]])}, "switched.window_first: windows must lie within the Period's 4 ISPs"),
        ({"least_on": np.array([[5]])}, "switched.least_on: above most_on"),
        ({"most_on": np.array([[5, 5]])}, "switched.window_first: windows and their bounds have different shapes"),
        ({"pinned_on": np.array([[0.5]])}, r"switched.pinned_on: must be 1 \(on\), 0 \(off\) or NaN"),
        ({"pinned_on": np.array([[NAN, 1, NAN, NAN]])}, "switched.pinned_on: is on behind a free ISP"),
        ({"on_kw": np.ones((1, 3))}, "switched.on_kw: has 3 ISPs, expected 4"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(change, words):
    case = make(4, switched(4))
    with pytest.raises(CaseError, match=words):
        replace(case, switched=replace(case.switched, **change))


def test_windows_that_overlap_are_refused():
    with pytest.raises(CaseError, match="windows of a unit overlap"):
        make(4, switched(4, (0, 3, 1, 1), (2, 4, 1, 1)))


def test_the_audit_finds_states_no_unit_could_be_in():
    unit = switched(
        6, (0, 4, 1, 4), on_kw=2.0, min_run=2, min_rest=2, before=-1, pinned_on=[NAN, NAN, NAN, NAN, NAN, 0]
    )
    case = make(6, unit, reservation(6, -1.0), load(6, 3.0, point=1), points=2, price=30)
    outcome = solved(case)
    for states, words in (
        ([1, 1, 0, 0, 0, 0], "switched 0, ISP 1: is switched too soon by 1 ISPs"),
        ([0, 1, 0, 0, 0, 0], "switched 0, ISP 3: is switched too soon by 1 ISPs"),
        ([0, 1, 1, 0, 1, 0], "switched 0, ISP 5: is on outside its windows by 1 ISPs"),
        ([0, 0, 1, 1, 1, 1], "switched 0, ISP 6: leaves its pinned state by 1 ISPs"),
        ([0, 0, 0, 0, 0, 0], "terms_eur comfort shortfall: is not what it amounts to, wrong by 5 EUR"),
    ):
        on = np.array([states], dtype=bool)
        assert words in audit(case, replace(outcome, programs=replace(outcome.programs, switched_on=on)))
    (found,) = audit(
        case, replace(outcome, programs=replace(outcome.programs, switched_on=np.zeros((1, 5), dtype=bool)))
    )
    assert found == "programs.switched_on: has shape (1, 5), expected (1, 6)"


def test_a_case_without_the_class_is_solved_as_ever():
    case = make(2, load(2, 1.0), price=10)
    assert solved(case).programs.switched_on.shape == (0, 2)
    assert decompose(case, time_limit_s=600).programs.switched_on.shape == (0, 2)
