"""Intraday trades as they happen: each is entered once, changes the position, and asks for a plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isfinite

import structlog

from agr.domain.award import Trade
from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period, period_of, zone
from agr.domain.plan import ReasonKind
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.operations.brps_concerned import brp_of_row
from agr.operations.reach import Reaches
from agr.settings import Settings
from agr.store import trades as stored
from agr.store.engine import Store, Tx, alone

log = structlog.get_logger()

MOST_MW = 100_000
MOST_EUR_PER_MWH = 100_000
"""Highest price of a trade, in EUR/MWh, far above the limit of any market in Europe."""
_NOWHERE: Mapping[int, str] = {}
_SHOWN = 5
"""Most faults that a refusal lists."""


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """Trades sorted by what is known of them."""

    new: tuple[tuple[Trade, Period], ...] = ()
    repeated: tuple[Trade, ...] = ()  # known with the same contents
    wrong: tuple[tuple[Trade, str], ...] = ()  # why each is no trade
    faults: tuple[tuple[Trade, str], ...] = ()  # why each cannot be entered although it is one
    over: tuple[Trade, ...] = ()  # new, but their Period is over
    cancelled: tuple[Trade, ...] = ()  # known, and somebody has cancelled them


class IntradayTrades(ActionBase):
    """Enters and cancels trades, each with who, when and why."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, wake: Callable[[], None]) -> None:
        super().__init__(store, settings, clock, wake)
        self._reaches = Reaches(store)

    def enter(self, by: Principal, trades: Sequence[Trade], why: str, *, places: Sequence[str] = ()) -> Done:
        """Enter trades, all of them or none; those that are known already change nothing.

        Raises InputError for what is no trade, and ConflictError for an identifier that is known with other contents,
        for a cancelled trade, and for a Period that is over. `places`: where each trade of a file is, such as its line;
        then every fault is told. What resources cannot do is entered, with a warning.
        """
        why = said_why(why)
        by.must_act_for((), "intraday trades", brps={self._brp_of(trade) for trade in trades})
        if not trades:
            raise InputError("there is no trade to enter")
        with self._store.transaction() as tx:
            alone(tx, "trades")
            where = {id(trade): place for trade, place in zip(trades, places, strict=bool(places))}
            found = self.sorted(tx, trades, where)
            _refuse(found, where)
            text = self.put(tx, by, found, why)
        self._wake()
        periods = dict.fromkeys(period for _, period in found.new)
        hidden = by.limited and self._settings.operators.hide_others  # they tell of the whole portfolio
        looked_at = () if hidden else periods
        doubts = [words for period in looked_at for words in self._reaches.doubts_about_position(period)]
        return Done(text=text, warnings=tuple(doubts))

    def wake(self) -> None:
        """Let the daemon notice what was stored."""
        self._wake()

    def sorted(self, tx: Tx, trades: Sequence[Trade], where: Mapping[int, str] = _NOWHERE) -> Sorted:
        """Sort trades by what is known of them; the first of several with one identifier counts.

        `where`: id of a trade → its place in a file.
        """
        known = stored.known(tx, {trade.trade for trade in trades})
        seen: dict[str, Trade] = {}
        new: list[tuple[Trade, Period]] = []
        repeated, wrong, faults, over, cancelled = [], [], [], [], []
        for trade in trades:
            fault = self._fault(trade)
            earlier = known.get(trade.trade)
            if fault:
                wrong.append((trade, fault))
            elif earlier is not None and earlier.cancelled_at is not None:
                cancelled.append(trade)
            elif earlier is not None or trade.trade in seen:
                other = earlier.trade if earlier is not None else seen[trade.trade]
                if _alike(other, trade):
                    repeated.append(trade)
                elif earlier is None and id(other) in where:
                    lines = f"{where[id(other)]} and {where[id(trade)]}"
                    faults.append((trade, f"appears twice with different contents, {lines}; keep one"))
                else:
                    faults.append((trade, f"is known with other contents: {self._said(other)}; cancel that one first"))
            else:
                period = self._period(trade)
                seen[trade.trade] = trade
                if period.end <= self._clock.now():
                    over.append(trade)
                else:
                    new.append((trade, period))
        return Sorted(
            new=tuple(new), repeated=tuple(repeated), wrong=tuple(wrong), faults=tuple(faults), over=tuple(over),
            cancelled=tuple(cancelled),
        )  # fmt: skip

    def put(self, tx: Tx, by: Principal, found: Sorted, why: str) -> str:
        """Store what is new, record it, and ask for plans; return what was done, in words."""
        now = self._clock.now()
        periods: dict[Period, list[Trade]] = {}
        for trade, period in found.new:
            stored.put(tx, trade, period.day, now, by.label)
            periods.setdefault(period, []).append(trade)
        for period, mine in periods.items():
            words = self._said(mine[0]) if len(mine) == 1 else f"{len(mine)} trades, {_energy(mine)}"
            self._record(tx, by, "trade", f"intraday {period}", why, "; ".join(map(self._said, mine))[:2000])
            self._ask(tx, period, f"{by.name} entered {words} ({why})", ReasonKind.TRADE)
            log.info("trades.entered", period=str(period), count=len(mine), who=by.label)
        again = f"; {number_of(len(found.repeated), 'trade')} known already" if found.repeated else ""
        if not found.new:
            return f"nothing is new{again}"
        return f"{number_of(len(found.new), 'trade')} entered{again}; a plan follows"

    def cancel(self, by: Principal, name: str, why: str) -> Done:
        """Let a trade count no longer: it was entered by mistake, or the exchange has cancelled it."""
        why = said_why(why)
        by.must_act_for((), "an intraday trade", brps=by.brps)
        with self._store.transaction() as tx:
            alone(tx, "trades")
            known = stored.known(tx, [name]).get(name)
            if known is None:
                raise MissingError(f"there is no trade {name!r}")
            if known.cancelled_at is not None:
                raise ConflictError(f"trade {name} was cancelled already, by {known.cancelled_by}")
            by.must_act_for((), f"trade {name}", brps={self._brp_of(known.trade)})
            period = self._open_period(known.period)
            stored.cancel(tx, name, self._clock.now(), by.label)
            self._record(tx, by, "cancel trade", f"intraday {period}", why, self._said(known.trade))
            self._ask(tx, period, f"{by.name} cancelled {self._said(known.trade)} ({why})", ReasonKind.TRADE)
        self._wake()
        return Done(text=f"trade {name} no longer counts; a plan follows")

    def _brp_of(self, trade: Trade) -> str:
        return brp_of_row(self._settings, trade.brp)

    def _said(self, trade: Trade) -> str:
        return in_words(trade, self._settings.time_zone)

    def _period(self, trade: Trade) -> Period:
        return period_of(trade.start, self._settings.time_zone, self._settings.isp_minutes)

    def _fault(self, trade: Trade) -> str:
        """Return why something is no trade; empty where it is one."""
        period, length = self._period(trade), timedelta(minutes=trade.minutes)
        if not 1 <= len(trade.trade) <= 255 or not trade.trade.isprintable():
            return "needs an identifier of 1 to 255 printable characters"
        if not isfinite(trade.mw) or trade.mw == 0 or not isfinite(trade.price_eur_per_mwh):
            return f"{trade.mw:g} MW at {trade.price_eur_per_mwh:g} EUR/MWh is not a trade"
        if abs(trade.mw) > MOST_MW or abs(trade.price_eur_per_mwh) > MOST_EUR_PER_MWH:
            said = f"{trade.mw:g} MW at {trade.price_eur_per_mwh:g} EUR/MWh is beyond any market"
            return f"{said} ({MOST_MW:,} MW, {MOST_EUR_PER_MWH:,} EUR/MWh); check its units"
        if trade.brp and trade.brp not in (known := [brp.name for brp in self._settings.brps]):
            return f"names the BRP {trade.brp!r}; [[brps]] has {', '.join(known) or 'none'}"
        if (trade.start - period.start) % period.isp_length or trade.minutes < 1 or length % period.isp_length:
            return f"does not begin and end with an ISP of {period.isp_minutes} minutes"
        if trade.start + length > period.end:
            return f"goes beyond the end of {period}; enter what lies in each Period by itself"
        return ""


def in_words(trade: Trade, zone_name: str) -> str:
    """Return a trade in words, with its time on a zone's clock."""
    side = "sells" if trade.mw < 0 else "buys"
    when = f"{trade.start.astimezone(zone(zone_name)).isoformat(timespec='minutes')} for {trade.minutes} min"
    said = f"trade {trade.trade} {side} {abs(trade.mw):g} MW at {trade.price_eur_per_mwh:g} EUR/MWh, {when}"
    return f"{said}, for {trade.brp}" if trade.brp else said


def _energy(trades: Sequence[Trade]) -> str:
    return f"{sum(trade.mw * trade.minutes / 60 for trade in trades):+z.3f} MWh net"


def _alike(one: Trade, other: Trade) -> bool:
    """Say whether two reports of a trade say the same, to a W and a hundredth of a cent."""
    same = replace(one, mw=other.mw, price_eur_per_mwh=other.price_eur_per_mwh) == other
    return same and abs(one.mw - other.mw) < 1e-6 and abs(one.price_eur_per_mwh - other.price_eur_per_mwh) < 1e-4


def _refuse(found: Sorted, where: Mapping[int, str]) -> None:
    """Raise for the first faults, or for every one of a file in its order, before anything is entered."""
    cancelled = "was cancelled; one that was made after all needs another identifier"
    told = [*found.wrong, *found.faults, *((trade, "is of a Period that is over") for trade in found.over)]
    told += [(trade, cancelled) for trade in found.cancelled]
    if not told:
        return
    kind = InputError if found.wrong else ConflictError
    if where:
        order = {trade: number for number, trade in enumerate(where)}
        told.sort(key=lambda one: order[id(one[0])])
        lines = "\n".join(f"{where[id(trade)]}: trade {trade.trade!r} {words}" for trade, words in told)
        raise kind(f"nothing was entered:\n{lines}")
    faults = [f"trade {trade.trade!r} {words}" for trade, words in told]
    more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    raise kind(f"nothing was entered: {'; '.join(faults[:_SHOWN])}{more}")
