"""A congestion point of more resources than can be priced at once: the largest are offered, or it is said why not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agr.domain.flexibility import Disposition, FlexRequest, NoOffer, RequestedIsp
from agr.domain.isp import Period
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.ledger import nothing_taken
from agr.settings import Planning, Trading
from agr.trading.quoting import Baseline, question_of
from benchmarks.instances import make_case
from models.baseline import no_flexibility
from models.case import Reservations
from models.flexibility.question import Question

PERIOD = Period(date(2026, 3, 30))


@pytest.fixture(scope="module")
def large():
    """1,000 resources, all of them at the first congestion point, which has a FlexOption."""
    case = make_case(1_000)
    storage = replace(case.storage, point=np.zeros_like(case.storage.point))
    curtailable = replace(case.curtailable, point=np.zeros_like(case.curtailable.point))
    return replace(case, storage=storage, curtailable=curtailable)


def asked(case):
    outcome = no_flexibility(case)
    named = NamedCase(case=case, notes=(), dsos=("dso.example",) * len(case.points), names={})
    isps = tuple(
        RequestedIsp(isp=isp, disposition=Disposition.REQUESTED, min_w=-50_000, max_w=0) for isp in range(69, 73)
    )
    request = FlexRequest(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point=case.points[0], period=PERIOD,
        revision=1, expires_at=PERIOD.start, received_at=PERIOD.start, isps=isps,
    )  # fmt: skip
    announced = Baseline(power_w=tuple(np.rint(1000 * outcome.point_kw[0]).astype(int).tolist()), message_id="p")
    return question_of(
        Solved(named=named, outcome=outcome), request, announced, nothing_taken(PERIOD), trading=Trading(),
        planning=Planning(),
    )  # fmt: skip


def test_a_large_congestion_point_with_a_flex_option_gets_no_offer_and_it_is_named(large):
    found = asked(large)
    assert isinstance(found, NoOffer)
    assert found.reason == (
        f"{large.points[0]} has more than 500 flexible resources, too many to price exactly at once; FlexOption 0 must "
        "stay deliverable beside the offer, which takes all of them: its DSO would have to release it first"
    )


def test_without_it_the_500_largest_may_move(large):
    none = np.zeros(0)
    free = Reservations(
        name=(), point=none.astype(np.int64), reserved_kw=np.zeros((0, large.isps)), penalty_eur_per_mwh=none,
        availability_eur_per_mw_h=none,
    )  # fmt: skip
    found = asked(replace(large, reservations=free))
    assert isinstance(found, Question)
    may_move = np.isnan(np.vstack([found.part.storage.pinned_kw, found.part.curtailable.pinned_kw])).all(axis=1)
    assert may_move.sum() == 500
