"""What of connections has a row, and so a price, in the master."""

import pytest

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.prices.grouping import group_units
from models.decomposition.solve import solve as decompose
from tests.models.builders import behind, load, make, storage


def car():
    """Needs 10 kWh by the second ISP and can take them in one."""
    return storage(2, charge_kw=10.0, low=[0, 10], high=10.0)


def test_what_cannot_bind_and_what_a_connection_settles_has_no_row_but_a_breach_that_nobody_can_avoid_costs():
    limits = {"import_kw": 5}, {"import_kw": 100}, {"import_kw": 3}  # settled; never reached; a load alone, of 4 kW
    case = behind(
        make(2, car(), car(), load(2, [0, 4]), price=[10, 50]), *limits, storage=[0, 1], fixed=[2]
    )  # fmt: skip
    master = RestrictedMaster(case, group_units(case))
    assert master.grouping.places.rows.tolist() == []
    assert master.prices().connections.shape == (0, 2)
    outcome = decompose(case, relative_gap=1e-4)
    assert outcome.duals.connections.shape == (12, 2)
    assert outcome.connection_import_breach_kw[2] == pytest.approx([0, 1])
    assert outcome.bound_eur == pytest.approx(outcome.objective_eur, abs=1e-3)
