"""Splitting a plan between BRPs: nothing is lost, imbalance goes one way, crossing is what the plan nets."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agr.nomination.split import BrpSplit, crossing_kw, split
from models.case import no_balancing_groups

ISPS = 3
NAMES = ("one", "two", "three", "four")
POWERS = st.floats(-1000, 1000).map(lambda kw: round(kw, 3))


def outcome(total: np.ndarray, day_ahead: np.ndarray, imbalance: np.ndarray) -> Any:
    """Return what `split` reads of a plan."""
    return SimpleNamespace(
        named=SimpleNamespace(case=SimpleNamespace(balancing_groups=no_balancing_groups())),
        outcome=SimpleNamespace(
            day_ahead_kw=day_ahead, short_kw=np.maximum(imbalance, 0), long_kw=np.maximum(-imbalance, 0), total_kw=total
        ),
    )


@st.composite
def splits(draw: Any) -> tuple[BrpSplit, np.ndarray, np.ndarray, np.ndarray]:
    """Return a split with the day-ahead position, intraday trade and imbalance of the whole."""
    brps = draw(st.integers(1, 4))
    power = draw(arrays(float, (brps, ISPS), elements=POWERS))
    unknown = draw(arrays(float, ISPS, elements=POWERS) | st.just(np.zeros(ISPS)))
    day_ahead, imbalance = (draw(arrays(float, ISPS, elements=POWERS)) for _ in range(2))
    known = draw(st.none() | arrays(float, (brps, ISPS), elements=POWERS))
    total = power.sum(axis=0) + unknown
    found = split(outcome(total, day_ahead, imbalance), (power, unknown, ()), NAMES[:brps], known)
    return found, day_ahead - unknown, total - day_ahead - imbalance, imbalance


@given(splits())
def test_every_part_adds_up_to_the_plan(made: tuple[BrpSplit, np.ndarray, np.ndarray, np.ndarray]) -> None:
    found, day_ahead, intraday, imbalance = made
    slack = 1e-3 * len(found.power_kw) + 1e-6  # what was rounded to whole W is not shared out again
    for part, whole in ((found.day_ahead_kw, day_ahead), (found.intraday_kw, intraday)):
        assert part.sum(axis=0) == pytest.approx(whole, abs=slack)
    assert found.imbalance_kw.sum(axis=0) == pytest.approx(imbalance, abs=1e-6)
    for place in range(len(found.power_kw)):
        told = found.program(place)
        sums = [d + i + s for d, i, s in zip(told.day_ahead_w, told.intraday_w, told.imbalance_w, strict=True)]
        assert list(told.power_w) == sums
        assert np.array(told.power_w) == pytest.approx(found.power_kw[place] * 1000, abs=0.5 + 1e-6)


@given(splits())
def test_planned_imbalance_goes_one_way_only(made: tuple[BrpSplit, np.ndarray, np.ndarray, np.ndarray]) -> None:
    found, *_, imbalance = made
    assert (found.imbalance_kw * np.sign(imbalance) >= 0).all()


def test_before_the_gate_nobody_trades_against_another() -> None:
    power = np.array([[100.0, 100.0, 0.0], [-50.0, 300.0, 0.0]])
    bought = np.array([20.0, 400.0, -9.0])
    found = split(outcome(power.sum(axis=0), bought, np.zeros(ISPS)), (power, np.zeros(ISPS), ()), NAMES[:2])
    assert found.intraday_kw.sum(axis=0) == pytest.approx([30.0, 0.0, 9.0])
    assert found.intraday_kw[:, 0] == pytest.approx([20.0, 10.0])  # shared by size
    assert found.intraday_kw[:, 2] == pytest.approx([4.5, 4.5])  # equal shares where nobody takes anything
    assert crossing_kw(found.intraday_kw, [True, True]) == pytest.approx(0.0)


def test_an_award_that_differs_is_shared_by_size() -> None:
    power, known = np.array([[100.0], [300.0]]), np.array([[100.0], [300.0]])
    found = split(
        outcome(np.array([400.0]), np.array([360.0]), np.array([0.0])), (power, np.zeros(1), ()), NAMES[:2], known
    )
    assert found.day_ahead_kw[:, 0] == pytest.approx([90.0, 270.0])
    assert found.intraday_kw[:, 0] == pytest.approx([10.0, 30.0])


def test_a_brp_that_is_balanced_by_itself_has_the_positions_of_the_plan() -> None:
    """Two that are balanced together share theirs, by size; nothing of the third's is theirs."""
    power = np.array([[100.0], [-60.0], [300.0]])
    solved = outcome(np.array([340.0]), np.array([0.0]), np.array([0.0]))
    solved.named.case.balancing_groups = SimpleNamespace(name=("balanced together", "two"))
    solved.outcome.group_day_ahead_kw = np.array([[380.0], [-40.0]])
    solved.outcome.group_imbalance_kw = np.array([[0.0], [-5.0]])
    found = split(solved, (power, np.zeros(1), ()), NAMES[:3])
    assert found.day_ahead_kw[:, 0] == pytest.approx([95.0, -40.0, 285.0])
    assert found.imbalance_kw[:, 0] == pytest.approx([0.0, -5.0, 0.0])
    assert found.intraday_kw[:, 0] == pytest.approx([5.0, -15.0, 15.0])


def test_crossing_is_what_parties_trade_against_each_other() -> None:
    traded = np.array([[10.0, 10.0, -5.0], [-4.0, 3.0, 5.0], [-3.0, -20.0, 5.0]])
    assert crossing_kw(traded, [False, False, False]) == pytest.approx([0.0, 0.0, 0.0])  # one party
    assert crossing_kw(traded, [True, False, False]) == pytest.approx([7.0, 10.0, 5.0])
    assert crossing_kw(traded, [True, True, True]) == pytest.approx([7.0, 13.0, 5.0])
    assert crossing_kw(np.zeros((0, 3)), []) == pytest.approx([0.0, 0.0, 0.0])
