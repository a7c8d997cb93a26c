"""Units that cannot keep a program in force take the unmanaged one, which is made of these only: to the last digit."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from models.baseline import as_it_stands, no_flexibility
from models.case import UNIT_CLASSES, Direction
from models.evaluation import Earlier, keep
from tests.models.builders import limit, load, make, run, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve
from tests.models.solved import solved

ISPS = 4


def same(found, expected, where="outcome"):
    """Compare every number to the last digit; seconds of computing are left out."""
    if is_dataclass(expected):
        for item in fields(expected):
            if item.name != "seconds":
                same(getattr(found, item.name), getattr(expected, item.name), f"{where}.{item.name}")
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            same(found[name], value, f"{where}[{name}]")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, where
        np.testing.assert_array_equal(found, expected, err_msg=where, strict=True)
    elif isinstance(expected, tuple):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{where}[{place}]")
    else:
        assert found == expected, where


def portfolio(*more, **markets):
    """Stores, generation, a load, runs and switched units at two congestion points."""
    stores = [
        storage(
            ISPS, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=8.0 + n, low=[0, 0, 0, 6.0], eta_c=0.9, eta_d=0.9,
            wear=0.001, reserve_kw=5.0, point=n % 2,
        )
        for n in range(4)
    ]  # fmt: skip
    others = (
        load(ISPS, 3.0), solar(ISPS, -5.0, cost=1.0), solar(ISPS, -2.0, point=1), run([2.0, 1.0], 0, 2),
        run([1.0], 1, 3), switched(ISPS, (0, 4, 1, 2), on_kw=2.0), switched(ISPS, (1, 4, 2, 3), on_kw=1.0),
    )  # fmt: skip
    return make(ISPS, *stores, *others, *more, points=2, price=[10.0, 20.0, 100.0, 30.0], **markets)


def changed(case, what):
    """The same portfolio under facts that keep some, all or none of its units from running their programs."""
    if what == "nothing":
        return case
    stores = case.storage
    if what == "all stores":
        weak = replace(stores, charge_kw=0.0 * stores.charge_kw, discharge_kw=stores.discharge_kw / 9)
        return replace(case, storage=weak)
    start, most = stores.energy_start_kwh.copy(), np.array(stores.discharge_kw)
    start[1], most[2] = 1.0, 0.5
    runs, pins = case.shiftable, np.full((len(case.switched.point), ISPS), np.nan)
    pins[0] = [0.0, 0.0, 0.0, 1.0]
    return replace(
        case,
        storage=replace(stores, energy_start_kwh=start, discharge_kw=most),
        shiftable=replace(runs, first_start=np.maximum(runs.first_start, [2, 1])),
        switched=replace(case.switched, pinned_on=pins),
        curtailable=replace(case.curtailable, forecast_kw=0.7 * case.curtailable.forecast_kw),
    )


@pytest.mark.parametrize("what", ["nothing", "some", "all stores"])
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("known", ["all", "in another order", "few"])
def test_it_is_the_outcome_that_the_unmanaged_program_of_all_units_gives(what, called, known):
    promised = (reservation(ISPS, [0, 0, -4.0, -4.0], fee=1.0), limit(ISPS, import_kw=12.0)) if called else ()
    products = (reserve(ISPS, 10.0, max_mw=0.004, direction=Direction.SYMMETRIC),)
    case = portfolio(*promised, reserves=products)
    now = changed(case, what)
    rows = {name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    if known == "in another order":  # units that are alike in all but what they hold
        rows["storage"] = rows["storage"][::-1]
    elif known == "few":
        rows |= {name: np.where(of % 2 == 0, of, -1) for name, of in rows.items()}
    earlier = Earlier(case=case, outcome=solved(case), rows=rows)
    found, expected = keep(now, earlier), keep(now, earlier, no_flexibility(as_it_stands(now)))
    same(found.outcome, expected.outcome)
    assert found.replaced.keys() == expected.replaced.keys()
    for name, units in expected.replaced.items():
        np.testing.assert_array_equal(found.replaced[name], units)
    if what == "some":
        assert {"storage", "shiftable", "switched"} <= found.replaced.keys()
