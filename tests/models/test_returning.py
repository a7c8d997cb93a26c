"""Under new facts, a unit that cannot run its program any more comes back to it as soon as it can."""

import numpy as np

from models.audit import audit
from models.case import UNIT_CLASSES
from models.evaluation import Earlier, keep
from models.returning import keep_or_return
from tests.models.builders import imbalance, intraday, make, solar, storage, switched
from tests.models.obligation_builders import reservation
from tests.models.solved import near, solved

PRICE = [20.0, 20.0, 100.0, 60.0]


def case_of(*parts, start=10.0, **more):
    """A battery of 10 kW and 20 kWh without losses, half full at first and last, and an intraday market."""
    own = storage(
        4, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=start, low=[0, 0, 0, 10.0], eta_c=1.0, eta_d=1.0, **more
    )  # fmt: skip
    market = intraday(4, buy=np.add(PRICE, 5.0), sell=np.subtract(PRICE, 5.0), depth_kw=100.0)
    return make(4, own, *parts, price=PRICE, intraday=market, imbalance=imbalance(4, 1000.0))


def in_force(case, outcome):
    return Earlier(
        case=case, outcome=outcome, rows={name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    )


def test_a_battery_that_holds_less_charges_what_it_lacks_and_goes_on():
    """4 kWh less at first: 4 kWh more are charged before the dear ISP, and from there on it does what was planned."""
    before = case_of()
    plan = solved(before)
    now = case_of(start=6.0)
    unmanaged = keep(now, in_force(before, plan))
    assert unmanaged.replaced["storage"].tolist() == [0]
    found = keep_or_return(now, in_force(before, plan))
    assert dict(found.replaced) == {}
    assert audit(now, found.outcome) == ()
    moved = found.outcome.programs.storage_kw[0] - plan.programs.storage_kw[0]
    assert near(moved[:2].sum(), 4.0)
    assert near(moved[2:], [0.0, 0.0])
    assert near(found.outcome.programs.energy_kwh[0, 1:], plan.programs.energy_kwh[0, 1:])
    assert found.outcome.objective_eur > unmanaged.outcome.objective_eur


def test_who_can_run_the_program_keeps_it():
    before = case_of()
    plan = solved(before)
    same, kept = keep_or_return(before, in_force(before, plan)), keep(before, in_force(before, plan))
    assert dict(same.replaced) == {}
    assert near(same.outcome.point_kw, kept.outcome.point_kw)


def test_a_load_that_has_no_way_back_runs_unmanaged_and_is_named():
    """Its window ends before the ISP in which it was to run; the battery comes back all the same."""
    before = case_of(switched(4, (3, 4, 1, 1), on_kw=2.0))
    plan = solved(before)
    now = case_of(switched(4, (0, 2, 1, 1), on_kw=2.0), start=6.0)
    found = keep_or_return(now, in_force(before, plan))
    assert {name: units.tolist() for name, units in found.replaced.items()} == {"switched": [0]}
    assert near(found.outcome.programs.energy_kwh[0, 1:], plan.programs.energy_kwh[0, 1:])


def test_the_called_program_comes_back_as_well():
    reserved = reservation(4, [0.0, 0.0, 0.0, -5.0], fee=1.0)
    before, now = case_of(solar(4, -1.0), reserved), case_of(solar(4, -1.0), reserved, start=6.0)
    plan = solved(before)
    found = keep_or_return(now, in_force(before, plan))
    assert dict(found.replaced) == {}
    assert audit(now, found.outcome) == ()
    assert found.outcome.called is not None
    assert near(found.outcome.called.energy_kwh[0, 2:], plan.called.energy_kwh[0, 2:])
