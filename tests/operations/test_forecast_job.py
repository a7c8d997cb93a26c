"""Forecasts are made beside the market day: nothing waits for them but the plan that needs them."""

from threading import Event

from agr.domain.isp import Period
from agr.operations.forecast_job import ForecastJob
from tests.builders.worlds import PERIOD

LONG_S = 60.0


class Slow:
    """Makes forecasts until it may end."""

    def __init__(self) -> None:
        self.begun: list[Period] = []
        self.may_end = Event()

    def make(self, period: Period) -> None:
        self.begun.append(period)
        assert self.may_end.wait(LONG_S)
        if len(self.begun) > 1:
            raise RuntimeError("a model went wrong")


def ended(job: ForecastJob, period: Period) -> bool:
    return any(job.ready(period) for _ in range(100_000))


def test_a_period_is_begun_once_and_over_when_it_is_made_and_the_next_waits_for_it() -> None:
    slow = Slow()
    job = ForecastJob(slow.make, patience_s=0.001)
    assert not job.ready(PERIOD)
    assert not job.ready(PERIOD)
    assert not job.ready(PERIOD.next())
    slow.may_end.set()
    assert ended(job, PERIOD)
    assert slow.begun == [PERIOD]
    assert ended(job, PERIOD.next())  # a failure is over, too: the plan is made without
    assert slow.begun == [PERIOD, PERIOD.next()]
