"""Asks for plans when what charge points can be told has changed."""

from collections.abc import Iterable
from datetime import datetime

from agr.domain.isp import Period
from agr.domain.plan import Reason, ReasonKind
from agr.store import day, input_version, plans
from agr.store.engine import Tx


def ask_plans(tx: Tx, periods: Iterable[Period], road: str, text: str, now: datetime) -> None:
    """Ask for plans of those of some Periods that have one: their inputs have changed."""
    input_version.changed(tx)
    reason = Reason(kind=ReasonKind.BACK_END, reference=road[:255], text=text)
    for period in periods:
        if plans.in_force(tx, period.day) is not None:
            day.put_trigger(tx, period.day, reason, now)
