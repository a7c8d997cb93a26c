"""What is expected of whole bids from those that were tried, on costs that are known in closed form."""

import numpy as np
import pytest

from models.decomposition.bids.surrogate import Surrogate, Tried

BEST = np.array([1.4, 2.6, 3.3, 0.8])


def surrogate(bend):
    return Surrogate(
        least_eur=-100.0, best=BEST, bend=np.diag(bend), most=np.full(4, 5.0), minimum=np.ones(4),
        group=np.array([0, 0, 1, 1]),
    )  # fmt: skip


def tried(cost_eur, slope_eur, *, missed=(0.0, 0.0), lost=0):
    return Tried(
        outcome=None, bound_eur=cost_eur, slope_eur=np.array(slope_eur), missed_eur=np.array(missed), lost=lost,
        held=np.zeros(4),
    )  # fmt: skip


def as_it_is(bids, bend):
    """Return the answer for bids that cost what they do, and whose prices are the slopes of that."""
    return tried(cost(bids, bend), bend * (bids - BEST))


def cost(bids, bend):
    return -100.0 + 0.5 * float(np.asarray(bend) @ (bids - BEST) ** 2)


def test_bids_that_were_held_say_how_much_less_others_cost_than_the_bend_promised():
    """Costs bend by half of what was seen at the least; a single held set of bids is enough to know that."""
    found, bend = surrogate([2.0, 4.0, 6.0, 8.0]), np.array([1.0, 2.0, 3.0, 4.0])
    first, other = np.array([0.0, 1.0, 5.0, 3.0]), np.array([3.0, 4.0, 1.0, 0.0])
    assert found.below(other[None])[0] == pytest.approx(cost(other, 2 * bend))
    found.tell(first, as_it_is(first, bend))
    assert found.below(other[None])[0] == pytest.approx(cost(other, bend))


def test_single_steps_lead_to_the_best_bids():
    bend = np.array([1.0, 2.0, 3.0, 4.0])
    found, bids, all_tried = surrogate(2 * bend), np.array([5.0, 5.0, 1.0, 5.0]), []
    while bids is not None:
        all_tried.append(bids)
        found.tell(bids, as_it_is(bids, bend))
        bids = found.beside(all_tried)
    assert found.held[0].tolist() == [1.0, 3.0, 3.0, 1.0]


def test_what_bids_lack_is_due_to_those_that_differ_from_held_ones():
    """The last hours lack something once the first ones take more energy: more of them is worth a try."""
    found, held = surrogate(np.ones(4)), np.array([1.0, 2.0, 3.0, 1.0])
    found.tell(held, as_it_is(held, np.ones(4)))
    more, last = held + np.eye(4)[1], held + np.eye(4)[2]
    found.tell(more, tried(-90.0, [0.0, 10.0, 0.0, 0.0], missed=(1.0, 9.0), lost=1))
    assert found.below(more[None])[0] - found.below(held[None])[0] > 5.0
    assert found.below(last[None])[0] == pytest.approx(cost(last, np.ones(4)))


def test_nothing_is_beside_bids_that_were_not_held():
    found = surrogate(np.ones(4))
    found.tell(np.full(4, 5.0), tried(-20.0, np.full(4, 10.0), missed=(3.0, 3.0), lost=2))
    assert found.beside([]) is None
