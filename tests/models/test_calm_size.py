"""Programs are calmed only where the whole problem is small."""

from dataclasses import replace

import numpy as np

import models.calm
from models.calm import MOST_CELLS, calmed
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, make, run, storage


def test_a_lone_battery_among_many_runs_is_not_calmed(monkeypatch):
    """What takes time is the problem that is stated again, with all its units."""
    battery = storage(4, charge_kw=2.0, discharge_kw=2.0, high=4.0, start=2.0)
    case = make(4, battery, *[run([1.0], 0, 3)] * (MOST_CELLS // 4 + 1), day_ahead=day_ahead(4, 80.0))
    outcome = reference(case, relative_gap=1e-3)
    moving = outcome.programs.charge_kw + np.array([[1.0, 0.0, 0.0, 0.0]])
    outcome = replace(outcome, programs=replace(outcome.programs, charge_kw=moving))

    def stated(_):
        raise AssertionError("a problem of many units was stated a second time")

    monkeypatch.setattr(models.calm, "state", stated)
    assert calmed(case, outcome) is outcome
