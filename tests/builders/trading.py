"""Bids of a small world that leave through a folder and an exchange's webhook."""

from pathlib import Path
from threading import Thread

import sqlalchemy as sa

from agr.domain.moments import Handled
from agr.history.days import DayHistory
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import Publisher
from agr.nomination.nominate import Nominator
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.bid_approval import BidApproval
from agr.operations.bid_delivery import BidDelivery
from agr.schedule.bidding import Bidding
from agr.schedule.market_day import MarketDay
from agr.schedule.moments import moments_of
from agr.settings import BidFiles, Bids, BidWebhook
from agr.store import bids, day, positions
from tests.builders.exchange import Exchange
from tests.builders.worlds import PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
WHY = "looked at it"
SECRET = "a long secret"
FIRST, SECOND = (1234.0,) * 92, tuple(1000.0 if isp < 40 else -2000.0 for isp in range(92))


class Trading:
    """A world whose bids leave through a folder and a webhook."""

    def __init__(self, folder: Path, exchange: Exchange, store_url: str = "", **more: object) -> None:
        self.folder, self.exchange = folder / "bids", exchange
        self.world = World(folder, store_url=store_url)
        hook = BidWebhook(name="exchange", url=f"{exchange.url}/bids", secret_env="BIDS_SECRET", timeout_s=60)
        given = Bids(files=(BidFiles(name="trader", folder=self.folder),), webhooks=(hook,), **more)
        self.settings = self.world.settings.model_copy(update={"bids": given})
        self.start()

    def start(self) -> None:
        """Begin anew with what the store knows, as after a crash."""
        parts = (self.world.store, self.settings, self.world.clock)
        known = self.world.participants
        self.bidding = Bidding(self.settings, self.world.clock)
        self.delivery = BidDelivery(*parts, self.bidding)
        self.day = MarketDay(
            *parts, PortfolioRequests(*parts, known), Publisher(*parts, known), self.bidding, Nominator(*parts),
            DayHistory(*parts[:2]),
        )  # fmt: skip
        self.approval = BidApproval(*parts, lambda: None, self.bidding)

    def tried(self, moment: str) -> Handled | None:
        """Jump to a moment of the Period and try to handle it."""
        when = next(m.at for m in moments_of(self.settings, PERIOD) if m.name == moment)
        if when > self.world.clock.now():
            self.world.clock.jump_to(when)
        return self.day.handlers()[moment.split(" ")[0]](PERIOD, moment)

    def at(self, moment: str) -> str:
        """Jump to a moment of the Period and handle it."""
        handled = self.tried(moment)
        assert handled is not None
        with self.world.store.transaction() as tx:
            day.moment_done(tx, PERIOD.day, moment, self.world.clock.now(), handled.result, handled.state)
        return f"{handled.state.value}: {handled.result}"

    def deliver(self, *channels: str) -> None:
        for channel in channels or ("trader", "exchange"):
            while self.delivery.run_due(channel):
                pass

    def until_waiting(self, thread: Thread) -> None:
        """Return once somebody waits for a lock, or the thread has ended without."""
        query = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while thread.is_alive():
            with self.world.store.reading() as tx:
                if tx.execute(query).scalar_one():
                    return

    def written(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def alarms(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return sorted(f"{a.kind} [{a.subject}]" for a in day.open_alarms(tx))

    def position(self) -> tuple[set[float], str]:
        with self.world.store.transaction() as tx:
            fixed = positions.one_on(tx, PERIOD.day, "day-ahead")
        assert fixed is not None
        return set(fixed.values), fixed.origin

    def states(self) -> list[tuple[int, str, str]]:
        with self.world.store.transaction() as tx:
            known = {b.id: b.revision for b in bids.of_period(tx, PERIOD.day, "day-ahead")}
            return [(known[d.bid], d.channel, d.state) for d in bids.deliveries(tx, PERIOD.day, "day-ahead")]
