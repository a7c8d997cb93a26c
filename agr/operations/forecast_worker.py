"""Lets models learn in a process of their own, at low priority: nothing waits for it but the plan that needs it."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as Late
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from agr.forecasting import DayForecast, Days, Forecasting, ForecastModelError, forecast

_NICE = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A day of a series to be forecast."""

    series: str
    days: Days
    row: int
    model: str
    bands: bool = True


Maker = Callable[[list[Task], float], Sequence[DayForecast | str]]
"""Makes a forecast for each task, or says why there is none; its second argument is the time limit in seconds."""


def _settle_in() -> None:
    """Lower the worker's priority, and let it use one core: more threads only wait for each other in small products."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    with suppress(OSError):
        os.nice(_NICE)


def make(task: Task) -> DayForecast | str:
    """Return a forecast, or why there is none."""
    try:
        return forecast(task.days, task.row, Forecasting(model=task.model, bands=task.bands))
    except ForecastModelError as error:
        return str(error)


def make_all(tasks: list[Task], budget_s: float) -> list[DayForecast | str]:
    """Return a forecast, or why there is none, for each task; the worker is ended when the time is over."""
    if not tasks:
        return []
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_settle_in)
    waiting = [pool.submit(make, task) for task in tasks]
    ends, found = monotonic() + budget_s, []
    for future in waiting:
        try:
            found.append(future.result(timeout=max(ends - monotonic(), 0.0)))
        except Late:
            found.append(f"it took longer than {budget_s:g} s; raise forecasts.budget_s or choose a simpler model")
        except BrokenProcessPool:
            found.append("its process has died, of too little memory perhaps")
    late = any(not future.done() for future in waiting)
    processes = list(getattr(pool, "_processes", {}).values()) if late else []
    pool.shutdown(wait=not late, cancel_futures=True)
    for process in processes:
        process.kill()
    return found
