"""A program that was sold, put in force under facts that have changed since: power stays, all else follows from it."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.baseline import as_it_stands, no_flexibility
from models.case import Orders
from models.errors import CaseError
from models.evaluation import Earlier, keep
from models.flexibility.put_in import misses_more, put_in
from models.part import programmed
from models.resources.registry import RESOURCES
from tests.models.offers import asked, battery, planned, point_case, room

REQUEST = {"requested": [0, 1, 0, 0], "least": [0, -4, -20, -20], "most": [0, 0, 20, 20]}
"""4 kW less in the second ISP; the third and fourth have room for rebound."""


@pytest.fixture(scope="module")
def sold():
    """Return two points with a battery each that rest, their plan, and 4 kW that were sold at the second one."""
    case, plan = planned(point_case(battery(0, wear=0.02), battery(1, wear=0.02), points=2))
    allowed = room(plan, 1, **REQUEST)
    (priced,) = asked(case, plan, allowed, 1).priced
    np.testing.assert_allclose(priced.volume_kw, [0, -4, 0, 0])
    return case, plan, allowed, priced


def today(sold, held_kwh, factor=1.0):
    """Return the case in which the batteries hold other energy and the order binds, with the program in force in it."""
    case, plan, allowed, priced = sold
    most = np.where(priced.volume_kw < 0, allowed.baseline_kw + factor * priced.volume_kw + 5e-4, np.inf)
    row = Orders(
        name=("order",), point=np.array([1]), least_kw=np.full((1, 4), -np.inf), most_kw=most[None],
        penalty_eur_per_mwh=np.array([5000.0]),
    )  # fmt: skip
    now = replace(case, storage=replace(case.storage, energy_start_kwh=np.array(held_kwh, dtype=float)), orders=row)
    everyone = {one.name: np.arange(one.count(now)) for one in RESOURCES}
    kept = keep(now, Earlier(case=case, outcome=plan, rows=everyone), no_flexibility(as_it_stands(now)))
    return now, kept.outcome


def at_second():
    """Return where the units of the offer stand in the whole case."""
    return {name: np.array([1] if name == "storage" else [], dtype=np.int64) for name in programmed()}


@pytest.mark.parametrize("factor", [1.0, 0.25])
@pytest.mark.parametrize("held_kwh", [(10, 10), (12, 13), (20, 10.5)])
def test_power_is_what_was_sold_and_energy_follows_from_what_is_held_now(sold, held_kwh, factor):
    now, kept = today(sold, held_kwh, factor)
    assert kept.order_shortfall_kw.max() == pytest.approx(4 * factor, abs=2e-3)
    found = put_in(now, kept, sold[3].outcome, at_second(), factor)
    assert audit(now, found) == ()
    assert found.order_shortfall_kw.max() < 1e-6
    power = np.array([[0, 0, 0, 0], [0, -4, 4, 0]]) * factor
    np.testing.assert_allclose(found.programs.charge_kw - found.programs.discharge_kw, power, atol=2e-3)
    contents = np.array(held_kwh)[:, None] + np.cumsum(power, axis=1)
    reached = found.programs.energy_kwh - np.cumsum(found.programs.unmet_kwh, axis=1)
    np.testing.assert_allclose(reached, contents, atol=5e-3)
    assert misses_more(now, kept, found) == ""


def test_an_order_that_would_empty_a_battery_misses_more_than_the_program_in_force(sold):
    now, kept = today(sold, (10, 3))
    found = put_in(now, kept, sold[3].outcome, at_second(), 1.0)
    assert misses_more(now, kept, found) == "comfort shortfall"


def test_programs_of_other_units_or_out_of_reach_are_refused(sold):
    now, kept = today(sold, (10, 10))
    nobody = at_second() | {"storage": np.zeros(0, dtype=np.int64)}
    with pytest.raises(CaseError, match="not those that the offer was priced with"):
        put_in(now, kept, sold[3].outcome, nobody, 1.0)
    resting = replace(now, storage=replace(now.storage, pinned_kw=np.zeros((2, 4))))
    with pytest.raises(CaseError, match="cannot run the program"):
        put_in(resting, kept, sold[3].outcome, at_second(), 1.0)
