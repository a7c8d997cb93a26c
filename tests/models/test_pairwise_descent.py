"""Pairwise descent on the proximal master, and the grouping of units at unpriced points."""

import numpy as np
import pytest

from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.precompile import tiny
from models.decomposition.prices.grouping import group_units
from models.decomposition.prices.pricing import LocalPricing
from models.decomposition.prices.proximal_bundle import search_prices
from models.decomposition.prices.search_state import first_state
from models.decomposition.tuning import DEFAULT
from tests.models.builders import make, storage

GROUPS = DEFAULT.pool.unpriced_groups


@pytest.fixture
def master():
    """Return a master after a few rounds."""
    case = tiny()
    grouping = group_units(case)
    result, pricing = RestrictedMaster(case, grouping), LocalPricing(case, grouping)
    state = first_state(result, pricing)
    search_prices(
        result, pricing, state, aim_eur=1e-6, rounds=6, patience=15, tuning=DEFAULT.search, interrupted=lambda: None
    )  # fmt: skip
    return result


def test_sweeps_keep_the_channels_and_weights_what_they_add_up_to(master):
    master.improve(5, 0.0)
    kept = [coupling.s.copy() for coupling in master.couplings]
    assert master.columns.weight.sum(axis=1) == pytest.approx(1.0)
    assert (master.columns.weight >= 0).all()
    master.recount()
    for before, coupling in zip(kept, master.couplings, strict=True):
        np.testing.assert_allclose(before, coupling.s, atol=1e-9)


def test_sweeps_leave_little_to_gain(master):
    first = master.improve(1, 0.0)
    assert master.improve(200, 1e-7) <= max(1e-7, 1e-2 * first)


def test_storage_at_unpriced_points_is_dealt_into_groups_of_units_that_are_there_at_like_hours():
    units = [storage(charge_kw=np.where(np.arange(8) // 2 == n % 4, 5.0, 0.0), isps=8) for n in range(4 * GROUPS)]
    grouping = group_units(make(8, *units))
    of = grouping.batches[0].rows.total
    assert len(np.unique(of)) == GROUPS
    assert (np.bincount(of) == 4).all()
    for group in range(GROUPS):
        assert len(np.unique(np.flatnonzero(of == group) % 4)) == 1
