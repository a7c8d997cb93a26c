"""Planned programs that stand get other called programs where those in force miss what could be kept; by hand."""

from models.audit import audit
from models.called_again import called_again
from models.evaluation import bids_before, keep
from tests.models.released_contract import option, released
from tests.models.solved import near


def test_a_release_at_one_point_leaves_nothing_missed_at_the_other():
    """0.004 MW at 20 EUR and 1 kW reserved for an hour at 10 EUR/MW/h: 0.09 EUR.

    With a call that is known, 2 kW of reserve are missing in the second hour, or 1 kWh of the reservation: 2 EUR.
    """
    now, earlier = released(option("b", 1))
    kept = keep(now, earlier).outcome
    assert near(kept.objective_eur, 0.09 - 2.0)
    found = called_again(now, kept, bids_before(now, earlier))
    assert audit(now, found) == ()
    assert near(found.objective_eur, 0.09)
    assert near(found.point_kw, kept.point_kw)


def test_what_nobody_can_keep_stays_missed_and_no_more():
    """Of 6 kW the battery gives 4, 2 kWh at 2 EUR are missing; the other one then holds all reserve."""
    now, earlier = released(option("b", 1, -6.0))
    kept = keep(now, earlier).outcome
    found = called_again(now, kept, bids_before(now, earlier))
    assert audit(now, found) == ()
    assert near(found.reservation_shortfall_kw, [[2.0, 0.0]])
    assert near(found.objective_eur, 0.08 + 0.06 - 4.0)
