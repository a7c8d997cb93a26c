"""Tariffs and peak charges at connections: by hand, against an independent statement, and decomposed against both."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.baseline import no_flexibility
from models.case import UNIT_CLASSES, Direction
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from models.evaluation import Earlier, keep
from tests.models.builders import behind, load, make, paying, run, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.solved import near, solved


def car(**changes):
    """Needs 10 kWh within two ISPs and can take them in one."""
    return storage(2, **({"charge_kw": 10.0, "low": [0, 10], "high": 10.0} | changes))


def battery(**changes):
    """Holds 5 kWh and can give them at once."""
    return storage(2, **({"charge_kw": 5.0, "discharge_kw": 5.0, "high": 5.0, "start": 5.0} | changes))


def decomposed(case, gap=1e-6):
    """Return the audited outcome of the decomposition, whose bound must hold the exact optimum."""
    outcome = decompose(case, relative_gap=gap, time_limit_s=600.0, threads=1)
    assert audit(case, outcome) == ()
    return outcome


def both(case, gap=1e-6):
    """Return the exact optimum, which the oracle and the decomposition confirm."""
    outcome = solved(case)
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=1e-5)
    found = decomposed(case, gap)
    assert found.bound_eur >= outcome.objective_eur - 1e-6
    assert near(found.objective_eur, outcome.objective_eur)
    return outcome


def test_a_house_gives_only_what_it_uses_itself_if_export_earns_too_little():
    # The market pays 200 EUR/MWh in the second hour and 100 in the first. A house draws 2 kW; its battery gives 5 kWh.
    # What stays in the house saves the import tariff of 130 as well; what is exported costs a fee of 150.
    house = make(2, battery(), load(2, [0, 2]), price=[100, 200])
    case = paying(house, {"import_eur": 130, "export_eur": -150}, storage=[0], fixed=[0])
    outcome = both(case)
    # 2 kWh in the house, 3 exported: 200 - 150 = 50 EUR/MWh is still worth it
    assert near(outcome.programs.storage_kw, [[0, -5]])
    assert near(outcome.tariff_eur, [-0.003 * 150])
    assert near(outcome.terms_eur["connection tariff"], -0.45)
    dear = both(paying(house, {"import_eur": 130, "export_eur": -250}, storage=[0], fixed=[0]))
    assert near(dear.programs.storage_kw, [[0, -2]])
    assert near(dear.tariff_eur, [0.0])
    assert near(dear.objective_eur, 0.0)


def test_two_devices_meet_behind_one_connection():
    # Two cars need 10 kWh each. Solar gives 8 kW in the dear hour. Beside the market it matters to whom it is sold:
    # in the house it saves 60 EUR/MWh of tariff, so 8 kWh are charged in the hour that is dearer by 40.
    case = make(2, car(), car(), solar(2, [0, -8]), price=[100, 140])
    case = paying(case, {"import_eur": 60}, storage=[0, 0], curtailable=[0])
    outcome = both(case)
    assert near(outcome.programs.storage_kw.sum(axis=0), [12, 8])
    assert near(outcome.tariff_eur, [-0.012 * 60])


def test_with_netting_only_the_times_matter():
    # equal prices both ways: a MWh is worth 90 more here, now and later, so nothing changes but the bill
    case = make(2, car(), solar(2, [0, -8]), price=[100, 140])
    outcome = both(paying(case, {"import_eur": 90, "export_eur": 90}, storage=[0], curtailable=[0]))
    assert near(outcome.programs.storage_kw, [[10, 0]])
    assert near(outcome.tariff_eur, [-0.09 * (10 - 8)])
    # by time of use the tariff turns the order of the hours
    cheap_later = {"import_eur": [90, 10], "export_eur": [90, 10]}
    outcome = both(paying(case, cheap_later, storage=[0], curtailable=[0]))
    assert near(outcome.programs.storage_kw, [[0, 10]])


@pytest.mark.parametrize(
    ("eur_per_kw", "reached", "first"),
    [
        (0.1, 0.0, 5.0),  # a kW less in the cheap hour saves 0.1 EUR and costs 0.04: halves
        (0.03, 0.0, 10.0),  # saves 0.03 and costs 0.04
        (0.1, 7.0, 7.0),  # up to the peak reached before it costs nothing
        (0.1, 12.0, 10.0),
    ],
)
def test_a_peak_charge_is_weighed_against_the_price(eur_per_kw, reached, first):
    case = make(2, car(), price=[100, 140])
    peak = {"eur_per_kw": eur_per_kw, "reached_kw": reached}
    outcome = both(paying(case, {}, peaks=[peak], storage=[0]))
    assert near(outcome.programs.storage_kw, [[first, 10 - first]])
    assert near(outcome.peak_kw, [max(first, reached)])
    assert near(outcome.objective_eur, -(first * 0.1 + (10 - first) * 0.14) - eur_per_kw * max(first - reached, 0))


def test_a_peak_counts_only_within_its_window():
    case = make(2, car(), price=[100, 140])
    outcome = both(paying(case, {}, peaks=[{"eur_per_kw": 5.0, "inside": [False, True]}], storage=[0]))
    assert near(outcome.programs.storage_kw, [[10, 0]])
    assert near(outcome.peak_kw, [0.0])


def test_a_peak_that_nobody_can_avoid_is_paid_and_known():
    case = make(2, car(), load(2, [30, 0]), price=[100, 140])
    outcome = both(paying(case, {}, peaks=[{"eur_per_kw": 0.01, "reached_kw": 4.0}], storage=[0], fixed=[0]))
    assert near(outcome.terms_eur["peak charge"], -0.01 * (40 - 4))
    alone = paying(make(2, load(2, [30, 0])), {"import_eur": 10}, peaks=[{"eur_per_kw": 0.01}], fixed=[0])
    assert near(both(alone).objective_eur, -3.0 - 0.3 - 0.3)


def test_no_customer_may_be_worse_off_where_that_is_asked():
    # The market would pay 40 EUR/MWh for charging in the second hour, where the house pays 30 more: 10 kWh cost it 0.30
    # EUR. Asked to pay 0.12 at most, it charges 4 kWh there.
    case = make(2, car(), price=[140, 100])
    dearer_later = {"import_eur": [0, 30]}
    assert near(both(paying(case, dearer_later, storage=[0])).tariff_eur, [-0.30])
    asked = paying(case, dearer_later, least=[-0.12], storage=[0])
    outcome = solved(asked)
    assert near(outcome.tariff_eur, [-0.12])
    assert near(outcome.programs.storage_kw, [[6, 4]])
    assert near(outcome.terms_eur["customer worse off"], 0.0)
    assert near(outcome.objective_eur, best_value(asked))
    # what nobody can avoid is stated, at a planning price
    house = paying(make(2, load(2, [2, 0]), car()), {"import_eur": 50}, least=[-0.5], fixed=[0], storage=[0])
    outcome = solved(house)
    assert near(outcome.terms_eur["customer worse off"], -100.0 * 0.1)
    assert near(outcome.objective_eur, best_value(house))
    # a peak is part of the bill, above the one reached before
    peak = {"eur_per_kw": 0.1, "reached_kw": 2.0}
    peaked = paying(make(2, car(), price=[140, 10]), {}, peaks=[peak], least=[-0.5], storage=[0])
    outcome = solved(peaked)
    assert near(outcome.peak_kw, [7.0])
    assert near(outcome.objective_eur, best_value(peaked))
    with pytest.raises(CaseError, match="only the reference formulation plans it"):
        decompose(asked, relative_gap=1e-3, time_limit_s=600.0, threads=1)


def test_reserve_that_is_held_is_paid_for_by_nobody():
    # what is sold as reserve counts for the fuse, but not for the tariff: it is drawn only if it is called
    case = make(
        1, storage(1, charge_kw=10, discharge_kw=10, high=100.0, start=50.0, reserve_kw=10.0), load(1, 4), price=0.0,
        reserves=[reserve(1, 1000.0, direction=Direction.DOWN, step_mw=0.0001)],
    )  # fmt: skip
    case = behind(case, {"import_kw": 14.0, "penalty": 1e6}, storage=[0], fixed=[0])
    case = paying(case, {"import_eur": 300}, peaks=[{"eur_per_kw": 2.0}], storage=[0], fixed=[0])
    outcome = solved(case)
    assert near(outcome.objective_eur, best_value(case))
    assert near(outcome.tariff_eur, [0.0])
    found = decomposed(case)
    assert found.bound_eur >= outcome.objective_eur - 1e-6


def test_what_one_pays_is_the_sum_over_its_own_connection():
    case = make(2, car(), car(), load(2, 1.0), load(2, 2.0), points=2, price=[100, 140])
    case = paying(case, {"import_eur": 20}, {"import_eur": 50, "point": 1}, storage=[0, -1], fixed=[1, 0])
    outcome = both(case)
    assert near(outcome.tariff_eur, [-0.02 * (10 + 4), -0.05 * 2])
    assert near(outcome.point_terms_eur["connection tariff"], [-0.28, -0.10, 0.0])
    baseline = no_flexibility(case)
    assert audit(case, baseline) == ()
    assert near(baseline.tariff_eur, outcome.tariff_eur)


def test_a_program_in_force_is_charged_by_a_new_tariff():
    case = make(2, car(), reservation(2, [-3, 0], penalty=30), price=[100, 140])
    case = paying(case, {"import_eur": 20}, peaks=[{"eur_per_kw": 0.01}], storage=[0])
    outcome = solved(case)
    dearer = replace(
        case, connection_tariffs=replace(case.connection_tariffs, import_eur_per_mwh=np.array([[90.0, 10.0]]))
    )
    rows = {name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    kept = keep(dearer, Earlier(case=case, outcome=outcome, rows=rows), outcome).outcome
    assert audit(dearer, kept) == ()
    assert near(kept.tariff_eur, [-0.9])
    assert kept.objective_eur < solved(dearer).objective_eur - 0.1


def test_runs_and_boilers_pay_the_tariff_too():
    case = make(
        4,
        switched(4, (0, 4, 2, 4), on_kw=6.0),
        run([4.0, 4.0], 0, 2),
        storage(4, charge_kw=8, low=[0, 0, 0, 16], high=16),
        price=[10, 20, 30, 40],
    )
    case = paying(
        case, {"import_eur": [90, 60, 30, 0]}, peaks=[{"eur_per_kw": 0.02}], switched=[0], shiftable=[0], storage=[0]
    )
    outcome = solved(case)
    assert near(outcome.objective_eur, best_value(case))
    found = decomposed(case, gap=1e-3)
    assert found.bound_eur >= outcome.objective_eur - 1e-6
    assert found.objective_eur <= outcome.objective_eur + 1e-6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"export_eur_per_mwh": np.array([[0.0, 21.0]])}, "home 0: export earns more than import costs"),
        ({"peak_eur_per_kw": np.array([-1.0])}, "must not be negative"),
        ({"peak_at": np.array([1])}, "must be 0..0"),
        ({"of_units": ()}, "has 0 classes"),
        ({"point": np.array([3])}, "must be -1..0"),
        ({"peak_inside": np.ones((1, 3), dtype=bool)}, "expected \\(1, 2\\)"),
    ],
)
def test_contradictions_are_refused(changes, words):
    case = paying(make(2, car()), {"import_eur": 20}, peaks=[{}], storage=[0])
    with pytest.raises(CaseError, match=words):
        replace(case, connection_tariffs=replace(case.connection_tariffs, **changes))


@pytest.mark.parametrize(
    ("field", "by", "words"),
    [("tariff_eur", 0.01, "tariff_eur is not what it pays"), ("peak_kw", 0.1, "peak_kw is not its highest import")],
)
def test_the_audit_recomputes_what_customers_pay(field, by, words):
    case = paying(make(2, car()), {"import_eur": 20, "name": "home"}, peaks=[{"eur_per_kw": 0.1}], storage=[0])
    outcome = solved(case)
    findings = audit(case, replace(outcome, **{field: getattr(outcome, field) + by}))
    assert any(words in finding and "home" in finding for finding in findings)
