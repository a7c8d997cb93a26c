"""The plans in force that offers are priced against, kept in memory: reading one takes seconds in a large portfolio."""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from agr.planning.difference import Solved
from agr.planning.plan_loader import read_since, unpacked
from agr.store.engine import Tx

if TYPE_CHECKING:  # the models take seconds to import
    from models.part import HeldByAll

_DAYS = 3
"""Most Periods whose plan is kept: yesterday, from which the running day began, today and tomorrow."""


class KeptPlan:
    """A plan of the whole portfolio, and what takes long to see in it."""

    def __init__(self, number: int, solved: Solved) -> None:
        self.number, self.solved = number, solved

    @cached_property
    def held(self) -> "HeldByAll":
        """The reserve that all its units hold."""
        from models.part import HeldByAll

        return HeldByAll.of(self.solved.named.case, self.solved.outcome)

    @cached_property
    def resources(self) -> frozenset[str]:
        """The names of all its resources."""
        return frozenset(name for names in self.solved.named.names.values() for name in names)


class KeptPlans:
    """The newest plan that was asked for of each Period.

    One caller at a time, and no plan is read again after a newer one was asked for, which reuses its arrays.
    """

    def __init__(self) -> None:
        self._kept: dict[date, KeptPlan] = {}

    def plan(self, tx: Tx, day: date, number: int) -> KeptPlan:
        """Return a plan of a Period."""
        return self.read(tx, day, number)()

    def read(self, tx: Tx, day: date, number: int) -> Callable[[], KeptPlan]:
        """Read a plan, where it is not in memory; call what it returns, which unpacks it, outside of `tx` if need be.

        Of a plan that has moved some points of the one before, only these are read.
        """
        known = self._kept.get(day)
        if known is not None and known.number == number:
            found = known
            return lambda: found
        archives, builds_on = read_since(tx, number, None if known is None else known.number)
        earlier = known.solved if known is not None and builds_on else None

        def unpack() -> KeptPlan:
            self._kept.pop(day, None)  # in case unpacking fails
            self._kept[day] = new = KeptPlan(number, unpacked(archives, earlier))
            for old in sorted(self._kept)[:-_DAYS]:
                del self._kept[old]
            return new

        return unpack
