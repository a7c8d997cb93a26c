"""What resources can do beside what is traded: a position beyond it is doubtful, and whoever enters it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.bid import DAY_AHEAD, KW_PER_MW
from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.planning.case.backing import range_kw
from agr.planning.plan_loader import read, unpacked
from agr.store import plans, positions, trades
from agr.store.engine import Store
from models.case import Case, Direction

Floats = NDArray[np.float64]
_NOTICED_KW = 1.0
"""Powers beyond the reach of our resources by less than this, in kW, are the exchange's rounding."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What all resources together can do in a plan's case; kW per ISP (T,), consumption positive."""

    lowest_kw: Floats
    highest_kw: Floats
    sell_kw: Floats  # what may still be sold day-ahead while its position is free
    buy_kw: Floats
    directions: Mapping[str, Direction]  # capacity product → direction


class Reaches:
    """Knows the reach of plans in force. Reads a plan once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[int, Reach | None] | None = None

    def of(self, day: date) -> Reach | None:
        """Return what resources can do on a day; None where no plan is in force, or a class of units cannot say."""
        with self._store.transaction() as tx:
            number = plans.newest_audited(tx, day)
            if number is None:
                return None
            if self._known is not None and self._known[0] == number:
                return self._known[1]
            try:
                archives = read(tx, number)
            except InputError:  # its programs are personal data, and were deleted after their time
                return None
        found = _reach(unpacked(archives).named.case)
        self._known = (number, found)
        return found

    def doubts_about_position(self, period: Period, day_ahead_mw: Sequence[float] | None = None) -> tuple[str, ...]:
        """Say where the trades of a Period lie beyond what resources can do; `day_ahead_mw`: an award (T,)."""
        reach = self.of(period.day)
        if reach is None:
            return ()
        with self._store.transaction() as tx:
            fixed = positions.one_on(tx, period.day, DAY_AHEAD)
            counting = trades.counting(tx, period.day)
        bought: Floats | None = None if fixed is None else np.array(fixed.values)
        if day_ahead_mw is not None:
            bought = np.array(day_ahead_mw) * KW_PER_MW
        return _beyond(reach, period, bought, counting)

    def doubts_about_capacity(
        self, period: Period, market: str, block_hours: int, mw: Sequence[float]
    ) -> tuple[str, ...]:
        """Say where more balancing capacity is awarded, MW per block, than resources could ever hold."""
        reach = self.of(period.day)
        if reach is None or market not in reach.directions:
            return ()
        both = reach.directions[market] is Direction.SYMMETRIC
        room_kw = (reach.highest_kw - reach.lowest_kw) / (2 if both else 1)
        block = np.array(period.blocks(block_hours))
        most = [float(room_kw[block == b].min()) if (block == b).any() else np.inf for b in range(len(mw))]
        wrong = [b for b, awarded in enumerate(mw) if awarded * KW_PER_MW > most[b] + _NOTICED_KW]
        if not wrong:
            return ()
        first, more = wrong[0], f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return (
            f"block {first + 1}{more}: {mw[first]:g} MW of {market} is more than resources can hold "
            f"({most[first] / KW_PER_MW:,.3f} MW); what is missing would not be held",
        )


def _reach(case: Case) -> Reach | None:
    found = range_kw(case)
    if found is None:
        return None
    free = np.isnan(case.day_ahead.committed_kw)
    return Reach(
        lowest_kw=found[0], highest_kw=found[1], sell_kw=np.where(free, case.day_ahead.max_sell_kw, 0.0),
        buy_kw=np.where(free, case.day_ahead.max_buy_kw, 0.0),
        directions={product.name: product.direction for product in case.reserves},
    )  # fmt: skip


def _beyond(reach: Reach, period: Period, bought_kw: Floats | None, counting: Sequence[Trade]) -> tuple[str, ...]:
    position = np.zeros(period.isp_count) if bought_kw is None else bought_kw.copy()
    for trade in counting:
        first = period.isp_of(trade.start) - 1
        position[first : first + trade.minutes // period.isp_minutes] += trade.mw * KW_PER_MW
    low, high = reach.lowest_kw, reach.highest_kw
    if bought_kw is None:  # what day-ahead is still free to make up for
        low, high = low - reach.buy_kw, high + reach.sell_kw
    beyond = np.maximum(position - high, low - position)
    wrong = np.flatnonzero(beyond > _NOTICED_KW)
    if not len(wrong):
        return ()
    worst = int(np.argmax(beyond))
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return (
        f"ISP {worst + 1} ({period.label(worst + 1)}){more}: {position[worst] / KW_PER_MW:+z,.3f} MW are bought, net, "
        f"and resources can only take {low[worst] / KW_PER_MW:+z,.3f} to {high[worst] / KW_PER_MW:+z,.3f} MW; what is "
        "beyond is traded again or becomes imbalance",
    )
