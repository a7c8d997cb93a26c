"""Every plan of the daemon can be rerun: exactly, and with changes."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agr.domain.errors import InputError
from agr.domain.plan import Reason, ReasonKind
from agr.planning import serialisation
from agr.planning.case import NamedCase, build
from agr.planning.service import Planner
from agr.planning.solving import Solution
from agr.scenario.case_changes import changed_case
from agr.scenario.changes import changed
from agr.scenario.replaying import replay
from agr.store import day
from models.case import Case
from models.outcome import Termination
from tests.builders.small_scenarios import inputs_at
from tests.builders.worlds import CONTRACT, PERIOD, World


@pytest.fixture(scope="module")
def world(solver, tmp_path_factory):
    """A store with two plans: a first one, and one after half a reservation was released."""
    made = World(tmp_path_factory.mktemp("replay"))
    made.know_points()
    made.know_register()
    planner = Planner(made.store, made.settings, made.clock, solver, lambda _: None)
    for reason in (ReasonKind.FIRST_PLAN, ReasonKind.RESERVATION):
        with made.store.transaction() as tx:
            if reason is ReasonKind.RESERVATION:
                day.put_reservation(tx, CONTRACT, PERIOD.day, (-50_000,) * 92, "half", made.clock.now())
            day.put_trigger(tx, PERIOD.day, Reason(kind=reason), made.clock.now())
        assert planner.run_due() == 1
    return made


def test_a_plan_comes_out_the_same_to_the_last_bit(world, solver):
    for number in (1, 2):
        found = replay(world.store, world.settings, number, solver.solve)
        assert found.exact
        assert found.remark == ""
        again = found.rerun.steps[-1]
        assert again["outcome_digest"] == found.rerun.steps[0]["outcome_digest"]
        assert again["changed_isps"] == 0


def test_the_stored_run_shows_the_plan_before_and_what_changed(world, solver):
    found = replay(world.store, world.settings, 2, solver.solve)
    assert [s["step"] for s in found.stored.steps] == ["plan 1", "plan 2"]
    assert found.stored.steps[1]["reason"].endswith("reservation update")
    assert found.stored.steps[1]["changed_isps"] > 0
    assert len(found.stored.changes) == found.stored.steps[1]["changed_isps"]
    assert set(found.stored.programs["class"]) == {"battery", "fixed_load"}


def test_without_its_reservation_a_plan_is_worth_what_the_reservation_costs(world, solver):
    found = replay(world.store, world.settings, 1, solver.solve, without=[f"reservation:{CONTRACT}"])
    assert not found.rerun.outcome["steps"][-1]["audit"]
    assert found.rerun.outcome["changes"] == [f"without reservation:{CONTRACT}"]
    assert found.rerun.reservations.query("step == 'plan 1 changed'").empty
    # 100 kW for 23 h at 1 EUR/MW/h is lost, and the battery may do what it wants
    terms = found.rerun.steps[-1]["terms_eur"]
    assert found.rerun.steps[0]["terms_eur"]["availability"] == pytest.approx(2.3)
    assert terms.get("availability", 0.0) == 0.0
    assert terms["day-ahead"] > found.rerun.steps[0]["terms_eur"]["day-ahead"]


def test_a_higher_price_costs_the_load_its_share(world, solver):
    found = replay(world.store, world.settings, 1, solver.solve, ["day_ahead.price=*1"])
    assert found.rerun.value_eur == pytest.approx(found.stored.value_eur)
    dearer = replay(world.store, world.settings, 1, solver.solve, ["markets.day_ahead.price=+10"])
    load_mwh = float(found.rerun.final("positions")["day_ahead_kw"].sum()) / 4 / 1000
    assert dearer.rerun.value_eur == pytest.approx(found.rerun.value_eur - 10 * load_mwh, abs=0.5)


def test_a_plan_that_is_not_there_and_another_solver_are_said(world, solver):
    with pytest.raises(InputError, match="there is no plan 99"):
        replay(world.store, world.settings, 99, solver.solve)

    def slow(case: Case) -> Solution:
        answer = solver.solve(case)
        return replace(answer, outcome=replace(answer.outcome, termination=Termination.TIME_LIMIT))

    found = replay(world.store, world.settings, 1, slow)
    assert not found.exact
    assert "time limit" in found.remark


@pytest.fixture(scope="module")
def named(small):
    period = small.description.of
    return build(inputs_at(small, period, period.previous().start))


def test_changes_of_a_case_change_what_they_name_and_nothing_else(named: NamedCase):
    case = named.case
    price = changed_case(named, ["fcr.price=+20%"]).case
    assert price.reserves[0].price_eur_per_mw == pytest.approx(case.reserves[0].price_eur_per_mw * 1.2)
    flat = changed_case(named, ["fcr.price=10"]).case
    assert flat.reserves[0].price_eur_per_mw == pytest.approx([30, 40, 40, 40, 40, 40])  # the first block has 3 hours
    kept = replace(price, reserves=case.reserves)
    assert serialisation.digest(kept) == serialisation.digest(case)
    closed = changed_case(named, ["intraday.depth_kw=0"]).case
    assert not closed.intraday.buy_depth_kw.any()
    wide = changed_case(named, ["intraday.spread_eur_per_mwh=40"]).case.intraday
    assert wide.buy_eur_per_mwh - wide.sell_eur_per_mwh == pytest.approx(np.full(92, 40))
    assert changed_case(named, ["fcr.sustain_minutes=60"]).case.reserves[0].sustain_h == 1


def test_contracts_and_limits_of_a_case_keep_their_windows(named: NamedCase):
    case = named.case
    held = case.reservations.reserved_kw
    half = changed_case(named, ["contracts.*.power_w=-50%"]).case.reservations.reserved_kw
    assert half == pytest.approx(held / 2)
    assert (changed_case(named, ["contracts.*.power_w==-1000"]).case.reservations.reserved_kw[held == 0] == 0).all()
    more = changed_case(named, ["limits.*.import_kw=+5"]).case.limits.import_kw
    bounded = np.isfinite(case.limits.import_kw)
    assert more[bounded] == pytest.approx(case.limits.import_kw[bounded] + 5)
    assert (more[~bounded] == np.inf).all()


def test_without_takes_rows_out_of_a_case(named: NamedCase):
    name = named.of("storage")[0]
    assert name not in changed_case(named, (), [f"resource:{name}"]).of("storage")
    assert changed_case(named, (), ["market:FCR"]).case.reserves == ()
    assert changed_case(named, (), ["reservation:FO-south-grid-1"]).case.reservations.name == ("FO-north-grid-1",)
    point = named.case.points[named.case.limits.point[0]]
    assert named.case.limits.point[0] not in changed_case(named, (), [f"limit:{point}"]).case.limits.point
    fixed = replace(named.case.reserves[0], committed_mw=np.ones(6))
    held = replace(named, case=replace(named.case, reserves=(fixed,)))
    assert np.isnan(changed_case(held, (), ["position:FCR"]).case.reserves[0].committed_mw).all()


@pytest.mark.parametrize(
    ("settings", "without", "words"),
    [
        (["batteries=5"], [], "holds no register"),
        (["fcr.prise=5"], [], "did you mean price?"),
        (["fcr.step_mw=0"], [], "step_mw must be positive"),
        (["intraday.spread_eur_per_mwh=-100"], [], "trading in circles"),
        (["limits.nowhere.import_kw=5"], [], "'nowhere' does not exist"),
        ([], ["reservation:X"], "'X' does not exist"),
        ([], ["class:batteries"], "expected KIND:NAME"),
    ],
)
def test_what_cannot_be_changed_in_a_case_is_said(named: NamedCase, settings, without, words):
    with pytest.raises(InputError, match=re.escape(words)):
        changed_case(named, settings, without)


@pytest.mark.parametrize(
    ("settings", "without"),
    [
        (["fcr.prise=5"], []),
        (["fcr=5"], []),
        (["fcr.max_mw=lots"], []),
        (["contracts.X.power_w=1"], []),
        (["contracts.*.penalty=1"], []),
        ([], ["market:gas"]),
        ([], ["resource:nobody"]),
        ([], ["limit:nowhere"]),
        ([], ["reservation:X"]),
    ],
)
def test_a_scenario_and_a_stored_case_refuse_in_the_same_words(small, named: NamedCase, settings, without):
    with pytest.raises(InputError) as of_scenario:
        changed(small, settings, without)
    with pytest.raises(InputError) as of_case:
        changed_case(named, settings, without)
    assert str(of_case.value).partition("; ")[0] == str(of_scenario.value).partition("; ")[0]
