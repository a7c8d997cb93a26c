"""The plan in force as it can still be moved while its day runs: closed ISPs are frozen, stores are as measured. Pure
but for what it reads.

A DSO needs time to order, and an order must come some time before its first ISP. So ISPs count as closed that will be
closed by the end of that time. Source: UFTP specification, operate phase; docs/explanation/flexibility-offers.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agr.domain.errors import PlanError
from agr.domain.flexibility import NoOffer
from agr.domain.isp import Clock, Period
from agr.planning.basis import basis_of
from agr.planning.case import build
from agr.planning.difference import Solved
from agr.planning.in_force import comparable, going_on
from agr.planning.inputs import RunInputs, read_inputs
from agr.planning.ports import PlanReader
from agr.settings import Settings

if TYPE_CHECKING:  # the models take seconds to import
    from models.part import HeldByAll

_FRESH = timedelta(minutes=1)
"""How long one comparison is reused; making it takes 8 s of processor time at 100,000 resources."""


def running(reader: PlanReader, settings: Settings, period: Period, now: datetime) -> RunInputs | NoOffer:
    """Read what the rest of a running Period is planned from, with the ISPs that are closed for an offer."""
    found = read_inputs(reader, settings, period, now)
    if found is None or found.before is None:
        return NoOffer(reason=f"there is no plan for {period}")
    closed = max(found.inputs.closed_isps, closed_for_offers(settings, period, now))
    if closed >= period.isp_count:
        return NoOffer(reason=f"every ISP of {period} is closed, or will be before it could be ordered")
    # What open offers draw is taken from the depth where the question is made.
    return replace(found, inputs=replace(found.inputs, closed_isps=closed, offered_buy_kw=None, offered_sell_kw=None))


def closed_for_offers(settings: Settings, period: Period, now: datetime) -> int:
    """Count the ISPs that can no longer be ordered, or no longer be traded, once a DSO has had its time to order."""
    trading = settings.trading
    before_s = max(settings.markets.intraday.closes_before_s, trading.last_order_s) + trading.intraday_order_s
    edge = now + timedelta(seconds=before_s)
    return min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramToday:
    """The program in force under today's facts, and the resources that cannot run it."""

    solved: Solved
    held: "HeldByAll"  # by all units
    left: Mapping[str, frozenset[str]]  # connection → its resources that cannot run the program in force any more

    def at(self, connections: Iterable[str]) -> Solved | NoOffer:
        """Return the program, or why it says nothing about a congestion point with these connections."""
        gone = frozenset(name for connection in connections for name in self.left.get(connection, ()))
        return lost(gone) if gone else self.solved


def lost(resources: Iterable[str]) -> NoOffer:
    """Return that some resources cannot run the plan in force."""
    return NoOffer(
        reason=f"{', '.join(sorted(resources)[:3])} cannot run the plan in force any more; wait for the next plan"
    )


class RunningDay:
    """Compares the program in force with today's facts, once for all requests of a while: it covers the portfolio.

    What is measured meanwhile is looked at by the next comparison. Anything else that changes asks for one at once.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._key: tuple[object, ...] = ()
        self._until: datetime | None = None
        self._found: ProgramToday | NoOffer | None = None
        self.comparisons = 0

    def compared(self, reader: PlanReader, period: Period) -> ProgramToday | NoOffer:
        """Return the program in force under today's facts, or why there is none."""
        now = self._clock.now()
        key = self._facts(reader, period, now)
        if self._found is None or self._until is None or key != self._key or not now < self._until:
            self._found, self._key = None, key
            run = running(reader, self._settings, period, now)
            self._found = run if isinstance(run, NoOffer) else compared(run)
            self._until = self._clock.now() + _FRESH  # however long it took
            self.comparisons += 1
        return self._found

    def _facts(self, reader: PlanReader, period: Period, now: datetime) -> tuple[object, ...]:
        """Return what is cheap to read, and changes with nearly everything that a comparison is made from."""
        return (
            basis_of(reader, self._settings, period, now), reader.number_in_force(period.day),
            closed_for_offers(self._settings, period, now), tuple(sorted(reader.reserved_w(period.day).items())),
            tuple(one.order.message_id for one in reader.orders(period)),
        )  # fmt: skip


def compared(run: RunInputs) -> ProgramToday | NoOffer:
    """Return the program in force under today's facts."""
    from models.part import HeldByAll

    before = run.before
    assert before is not None
    try:
        named = build(run.inputs)
    except PlanError as error:
        return NoOffer(reason=str(error))
    if not comparable(before, named):
        return NoOffer(reason="the plan in force cannot be compared with today's facts; wait for the next plan")
    solved, left = going_on(before, named)
    of = run.inputs.register.connection_of()
    at: dict[str, set[str]] = {}
    for name in left:
        at.setdefault(of.get(name, ""), set()).add(name)
    return ProgramToday(
        solved=solved, held=HeldByAll.of(solved.named.case, solved.outcome),
        left={connection: frozenset(names) for connection, names in at.items()},
    )  # fmt: skip
