"""A plan whose search was not finished does not come into force where it misses more of promises, whatever it earns."""

from dataclasses import replace

import numpy as np
import pytest

from agr.domain.errors import PlanError
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.in_force import judged, missed_of_promises_kwh, words
from agr.planning.solving import Solution
from models.audit import audit
from models.baseline import no_flexibility
from models.called_again import called_again
from models.outcome import Termination
from models.reference.problem import solve
from tests.models.builders import load, make, storage
from tests.models.obligation_builders import reservation
from tests.models.released_contract import option, released


def named(penalty):
    """A battery of 4 kW, full at first; power is dear in the first hour, in which 4 kW are reserved."""
    case = make(
        2, storage(2, charge_kw=4, discharge_kw=4, high=4, start=4), load(2, 1.0),
        reservation(2, [-4.0, 0.0], penalty=penalty), price=[90, 10],
    )  # fmt: skip
    return NamedCase(case=case, names={"fixed": ("load",), "storage": ("battery",)}, dsos=("dso",), notes=())


def test_imbalance_that_is_meant_is_no_promise_that_is_missed():
    case = named(1000.0).case
    found = solve(case, time_limit_s=600, threads=1)
    found = replace(found, short_kw=np.array([3.0, 0.0]), long_kw=np.array([0.0, 2.0]))
    assert missed_of_promises_kwh(case, found) == pytest.approx(5, abs=1e-6)
    assert missed_of_promises_kwh(case, found, reacting=1) == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize(
    ("ended", "kept"), [(Termination.TIME_LIMIT, True), (Termination.OPTIMAL, False), (Termination.GAP_OPEN, False)]
)
def test_an_unfinished_plan_that_earns_more_by_missing_a_promise_is_not_taken(ended, kept):
    """4 kWh sold at 90 instead of 10 EUR/MWh earn 0.32 EUR more, and 4 kWh of the reservation cost 0.04 EUR."""
    before, now = named(1000.0), named(10.0)
    in_force = Solved(named=before, outcome=solve(before.case, time_limit_s=600, threads=1))
    found = replace(solve(now.case, time_limit_s=600, threads=1), termination=ended)
    assert missed_of_promises_kwh(before.case, in_force.outcome) == pytest.approx(0, abs=1e-6)
    assert missed_of_promises_kwh(now.case, found) == pytest.approx(4)
    answer = Solution(outcome=found, findings=audit(now.case, found), no_flexibility_eur=0.0)
    assert answer.findings == ()
    result = judged(7, in_force, now, answer)
    assert result.against.kept == kept
    assert result.against.worth_eur == pytest.approx(found.objective_eur - 0.28)
    assert missed_of_promises_kwh(now.case, result.answer.outcome) == pytest.approx(0 if kept else 4, abs=1e-6)
    assert np.isfinite(result.answer.outcome.bound_eur)
    assert ("0.28 EUR more and 4.00 kWh more of promises missed" in words(result.against)) == kept


@pytest.mark.parametrize(("ended", "worth_eur"), [(Termination.TIME_LIMIT, 0.09), (Termination.OPTIMAL, -1.91)])
def test_after_a_release_an_unfinished_search_leaves_a_program_that_still_keeps_all_promises(ended, worth_eur):
    """The program keeps its 0.09 EUR with another call, which is looked for where nothing better was ruled out."""
    case, earlier = released(option("b", 1))
    then, now = (
        NamedCase(case=one, names={"storage": ("one", "two")}, dsos=("dso", "dso"), notes=())
        for one in (earlier.case, case)
    )
    before = Solved(named=then, outcome=earlier.outcome)
    found = replace(no_flexibility(case), termination=ended)
    answer = Solution(outcome=found, findings=audit(case, found), no_flexibility_eur=0.0)
    result = judged(7, before, now, answer, call_again=called_again)
    assert result.against.kept
    assert result.against.worth_eur == pytest.approx(worth_eur)
    assert missed_of_promises_kwh(case, result.answer.outcome) == pytest.approx(0 if worth_eur > 0 else 1, abs=1e-6)


def test_no_plan_is_lost_where_other_calls_cannot_be_looked_for():
    case, earlier = released(option("b", 1))
    then, now = (
        NamedCase(case=one, names={"storage": ("one", "two")}, dsos=("dso", "dso"), notes=())
        for one in (earlier.case, case)
    )
    found = replace(no_flexibility(case), termination=Termination.TIME_LIMIT)
    answer = Solution(outcome=found, findings=audit(case, found), no_flexibility_eur=0.0)

    def failing(_case, _kept, _bids):
        raise PlanError("a worker process died")

    result = judged(7, Solved(named=then, outcome=earlier.outcome), now, answer, call_again=failing)
    assert result.against.worth_eur == pytest.approx(-1.91)
