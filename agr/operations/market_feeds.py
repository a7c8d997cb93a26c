"""Asks the feeds that tell awards and trades; what they say is judged once, like a message in the inbox."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import structlog

from agr.connectors.ports import Source, open_source
from agr.domain.award import Award, Trade
from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import ConflictError, FeedError, InputError
from agr.domain.isp import Clock, Period, period_of
from agr.operations.accounts.roles import feed as principal_of
from agr.operations.auction_results import AuctionResults, refused
from agr.operations.intraday_trades import IntradayTrades
from agr.schedule.bidding import AWARD_REFUSED, TRADE_REFUSED
from agr.settings import HttpFeed, Settings
from agr.store import day, market_reports
from agr.store.engine import Store, Tx, alone
from agr.store.market_reports import MarketReport

log = structlog.get_logger()


class MarketFeeds:
    """Feeds of awards, asked at the moment of the results and every so often from then on until the Period begins.

    Feeds of trades are asked every so often about today and tomorrow.
    """

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, results: AuctionResults, trades: IntradayTrades
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._results, self._trades = results, trades
        self._next: dict[str, datetime] = {}

    def ask_awards(self, period: Period) -> None:
        """Ask every feed of awards once about a Period."""
        for feed in self._of("award"):
            self._award(feed, period)

    def look(self) -> None:
        """Ask the feeds whose time has come."""
        for feed in self._of("award"):
            if self._due(feed):
                for period in self._awaited():
                    self._award(feed, period)
        for feed in self._of("trade"):
            if self._due(feed):
                self._fetch_trades(feed)

    def _source(self, feed: HttpFeed) -> Source:
        return open_source(feed, self._settings.tls.authorities_file)

    def _of(self, kind: str) -> Iterator[HttpFeed]:
        return (feed for feed in self._settings.feeds if isinstance(feed, HttpFeed) and feed.kind == kind)

    def _due(self, feed: HttpFeed) -> bool:
        now, step = self._clock.now(), timedelta(seconds=feed.every_s)
        if now < self._next.get(feed.name, now) <= now + step:  # later than that: the clock was set back
            return False
        self._next[feed.name] = now + step
        return True

    def _awaited(self) -> Iterator[Period]:
        """Yield the Periods whose results are expected by now, until they begin."""
        now = self._clock.now()
        period = period_of(now, self._settings.time_zone, self._settings.isp_minutes)
        for _ in range(3):
            if dict(self._settings.timetable.moments(period))["day_ahead_results"] <= now < period.start:
                yield period
            period = period.next()

    def _award(self, feed: HttpFeed, period: Period) -> None:
        try:
            award = self._source(feed).fetch(period).award
        except FeedError as error:
            self._failed(feed, error)
            return
        market = feed.market or DAY_AHEAD
        content = "" if award is None else json.dumps(asdict(award))
        digest = sha256(content.encode()).hexdigest()
        with self._store.transaction() as tx:
            day.recover(tx, "feed failed", feed.name, self._clock.now())
            known = market_reports.newest(tx, period.day, market, feed.name)
        if award is None or (known is not None and known.digest == digest):
            return  # nothing yet, or nothing new: what was judged once, and perhaps corrected by hand since, stays
        report = partial(
            MarketReport, source=feed.name, period=period.day, market=market, digest=digest, content=content,
            at=self._clock.now(),
        )  # fmt: skip

        def accepted(tx: Tx, text: str) -> None:
            market_reports.put(tx, report(state="accepted", reason=text))

        try:
            by, why = principal_of(feed.name), f"reported by feed {feed.name}"
            self._results.award(by, period.day, self._by_block(award, period), why, accepted)
        except (InputError, ConflictError) as error:
            text = f"feed {feed.name}: {error}; enter it by hand if it is right"
            with self._store.transaction() as tx:
                market_reports.put(tx, report(state="refused", reason=str(error)))
                day.raise_alarm(tx, AWARD_REFUSED, refused(period, market, feed.name), text, self._clock.now())
            log.warning("award.refused", feed=feed.name, period=str(period), market=market, why=str(error))

    def _fetch_trades(self, feed: HttpFeed) -> None:
        """Enter what a feed reports that is new; what cannot be entered is an alarm for as long as the feed reports it.

        One Period that cannot be read does not keep the trades of the other.
        """
        today = period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)
        told: list[Trade] = []
        failures: list[FeedError] = []
        for period in (today, today.next()):
            try:
                told += self._source(feed).fetch(period).trades
            except FeedError as error:
                failures.append(error)
        if failures:
            self._failed(feed, failures[0])
        if len(failures) == 2:
            return
        by, why, now = principal_of(feed.name), f"reported by feed {feed.name}", self._clock.now()
        with self._store.transaction() as tx:
            alone(tx, "trades")
            if not failures:
                day.recover(tx, "feed failed", feed.name, now)
            found = self._trades.sorted(tx, told)
            if found.new:
                self._trades.put(tx, by, found, why)
            subjects = set()
            for trade, words in (*found.wrong, *found.faults):
                subject = f"{feed.name} {trade.trade}"[:255]
                subjects.add(subject)
                text = f"feed {feed.name} reports trade {trade.trade!r}, which {words}; correct it by hand"
                day.raise_alarm(tx, TRADE_REFUSED, subject, text, now)
            for alarm in day.open_alarms(tx) if not failures else ():
                mine = alarm.kind == TRADE_REFUSED and self._teller(alarm.subject) == feed.name
                if mine and alarm.subject not in subjects:
                    day.recover(tx, TRADE_REFUSED, alarm.subject, now)
        if found.new:
            self._trades.wake()

    def _teller(self, subject: str) -> str:
        """Return which feed told a refused trade: of several names that begin the subject, the longest."""
        names = (feed.name for feed in self._of("trade") if subject.startswith(f"{feed.name} "))
        return max(names, key=len, default="")

    def _failed(self, feed: HttpFeed, error: FeedError) -> None:
        log.warning("feed.failed", feed=feed.name, why=str(error))
        with self._store.transaction() as tx:
            day.raise_alarm(tx, "feed failed", feed.name, str(error), self._clock.now())

    def _by_block(self, award: Award, period: Period) -> Award:
        """Return an award of capacity with a value per block. Raises InputError where a block has several values."""
        hours = next((p.block_hours for p in self._settings.markets.capacity if p.name == award.market), None)
        if hours is None:
            return award
        values: dict[int, set[float]] = {}
        for block, mw in zip(period.blocks(hours), award.mw, strict=True):
            values.setdefault(block, set()).add(mw)
        for block, found in values.items():
            if len(found) > 1:
                named = " and ".join(f"{mw:g}" for mw in sorted(found)[:2])
                raise InputError(f"block {block + 1} of {award.market} has several values, {named} MW; one is expected")
        return Award(market=award.market, mw=tuple(min(values.get(b, {0.0})) for b in range(24 // hours)))
