"""Looks whether charge points draw no more than they have accepted."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from agr.dispatch.orders import held
from agr.dispatch.verifying import expected_kw
from agr.domain.charge_point import TX, TX_DEFAULT, ChargePoint
from agr.domain.dispatch import StationFact
from agr.domain.isp import Clock
from agr.operations.dispatching.memory import Memory
from agr.store import day, dispatches
from agr.store.engine import Tx

log = structlog.get_logger()

NOT_OBEYED = "limit not followed"
_SETTLING_S = 60.0
"""Seconds that a station has to follow a new limit."""
_ABOVE, _ABOVE_KW = 1.05, 0.3
"""Measured power may reach _ABOVE times its limit plus _ABOVE_KW, in kW: meters and voltages differ."""
_TWICE = 2


class Following:
    """Of one road's charge points."""

    def __init__(self, memory: Memory, clock: Clock, wake: Callable[[], None]) -> None:
        self.memory, self._clock, self.wake = memory, clock, wake

    def measured(self, tx: Tx, point: ChargePoint, at: datetime, kw: float) -> None:
        """Compare a measured power with what the point was told; twice above it is an alarm, and it counts in full.

        A plan that was carried by the transaction is sent as the default of the EVSE from then on.
        """
        name, memory, now = point.charge_point, self.memory, self._clock.now()
        rows = dispatches.of_point(tx, name)
        settling = timedelta(seconds=_SETTLING_S)
        if any(row.answered_at is None or at - row.answered_at < settling for row in rows):
            return
        told = [expected_kw(point, held(rows), instant) for instant in (at, at - settling)]
        if None in told:
            return
        allowed = max(one for one in told if one is not None)
        if kw <= allowed * _ABOVE + _ABOVE_KW:
            with memory.lock:
                memory.over.pop(name, None)
                memory.unlearn(tx, point, StationFact.FOLLOWS)
            day.recover(tx, NOT_OBEYED, name, now)
            return
        with memory.lock:
            memory.over[name] = memory.over.get(name, 0) + 1
            if memory.over[name] < _TWICE:
                return
            memory.learn(tx, point.station, name, StationFact.FOLLOWS, f"drew {kw:,.2f} kW of {allowed:,.2f}", now)
            if point.carrier == TX:
                memory.learn(tx, point.station, name, StationFact.CARRIER, TX_DEFAULT, now)
        text = f"{name} ({point.station}) draws {kw:,.2f} kW, and has accepted {allowed:,.2f} kW; look at the station"
        if day.raise_alarm(tx, NOT_OBEYED, name, text, now):
            log.error("dispatch.not_followed", charge_point=name, kw=kw, allowed_kw=allowed)
        self.wake()
