"""Connections that answer as a whole, of several balance responsible parties, against the problem stated a second time.

Homes with a tariff, a fuse and a peak charge in one street, whose limit counts homes of both parties.
"""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import no_balancing_groups
from models.connection_costs import tariff_shape
from models.connection_loads import may_bind
from models.decomposition.joint.connections import joint_connections
from models.decomposition.solve import solve as decompose
from models.reference.problem import solve as reference
from tests.models.builders import behind, day_ahead, intraday, load, make, paying, solar, storage
from tests.models.obligation_builders import balanced
from tests.models.oracle import best_value

ISPS, HOMES = 4, 3


def street(seed):
    """Return three homes with two stores, a load and solar power each, and the party of each."""
    rng = np.random.default_rng(seed)
    parts, at = [], {"storage": [], "fixed": [], "curtailable": []}
    for home in range(HOMES):
        for power in rng.uniform(2, 8, 2):
            parts.append(
                storage(
                    ISPS, point=home % 2, charge_kw=power, discharge_kw=rng.choice([0.0, power]), eta_c=0.95, eta_d=0.9,
                    low=[0] * (ISPS - 1) + [rng.uniform(0, 2 * power)], high=3 * power, start=power, wear=0.002,
                )
            )  # fmt: skip
        parts.append(load(ISPS, rng.uniform(0, 4, ISPS), point=home % 2))
        parts.append(solar(ISPS, -rng.uniform(0, 6, ISPS), point=home % 2, cost=2.0))
        for kind, count in (("storage", 2), ("fixed", 1), ("curtailable", 1)):
            at[kind] += [home] * count
    price, facts = rng.uniform(5, 150, ISPS), rng.uniform(-5, 5, (2, ISPS))  # day-ahead positions of each party
    case = make(
        ISPS, *parts, points=2, day_ahead=day_ahead(ISPS, price, depth_kw=300.0, committed_kw=facts.sum(axis=0)),
        intraday=intraday(ISPS, price + 40, price - 40, depth_kw=30.0),
    )  # fmt: skip
    fuses = [
        {"import_kw": rng.uniform(5, 12), "export_kw": -rng.uniform(3, 8), "parent": HOMES, "point": home % 2}
        for home in range(HOMES)
    ]
    case = behind(case, *fuses, {"import_kw": rng.uniform(14, 22), "point": -1}, **at)
    tariffs = [
        {"import_eur": rng.uniform(20, 120, ISPS), "export_eur": 0.0, "point": home % 2} for home in range(HOMES)
    ]
    case = paying(case, *tariffs, peaks=[{"at": 0, "eur_per_kw": 0.05, "reached_kw": 2.0}, {"at": 1}], **at)
    party = {kind: [0 if home == 0 else 1 for home in homes] for kind, homes in at.items()}
    return balanced(case, {"name": "a", "day_ahead_kw": facts[0]}, {"name": "b", "day_ahead_kw": facts[1]}, **party)


@pytest.mark.parametrize("seed", range(4))
def test_no_bound_lies_below_the_best_and_no_plan_above(seed):
    case = street(seed)
    assert joint_connections(case, may_bind(case), tariff_shape(case)).count == HOMES
    best = best_value(case)
    assert best < best_value(replace(case, balancing_groups=no_balancing_groups())) - 1e-3, "they do not net"
    exact = reference(case, relative_gap=1e-8, threads=1)
    assert audit(case, exact) == ()
    assert exact.objective_eur == pytest.approx(best, abs=1e-5)
    found = decompose(case, relative_gap=1e-3, threads=1)
    assert audit(case, found) == ()
    slack = 1e-5 + 1e-7 * exact.gross_cost_eur
    assert found.objective_eur <= best + slack <= found.bound_eur + 2 * slack
    assert best - found.objective_eur <= 2e-3 * exact.gross_cost_eur + slack
