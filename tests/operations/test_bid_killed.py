"""A process that is killed (SIGKILL) while the exchange takes its bid: the next one sends the same bid again, once."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

from agr.operations.bid_delivery import BidDelivery
from agr.schedule.bidding import Bidding
from agr.settings import Bids, BidWebhook
from agr.store import bids
from tests.builders.exchange import Exchange
from tests.builders.plans import planned
from tests.builders.worlds import PERIOD, World

PROJECT = Path(__file__).parents[2]
DELIVER = """
import sys
from datetime import timedelta
from pathlib import Path
from agr.operations.bid_delivery import BidDelivery
from agr.schedule.bidding import Bidding
from agr.settings import Bids, BidWebhook
from tests.builders.worlds import NOW, World
world = World(Path(sys.argv[1]))
world.clock.jump_to(NOW + timedelta(hours=1))
hook = BidWebhook(name="exchange", url=sys.argv[2], secret_env="BIDS_SECRET")
settings = world.settings.model_copy(update={"bids": Bids(webhooks=(hook,))})
BidDelivery(world.store, settings, world.clock, Bidding(settings, world.clock)).run_due("exchange")
"""


def test_a_process_killed_between_post_and_receipt_loses_nothing_and_repeats_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BIDS_SECRET", "shared")
    exchange, world = Exchange("shared"), World(tmp_path)
    taken, may = threading.Event(), threading.Event()

    def hold() -> None:
        taken.set()
        may.wait(60)

    exchange.before_answer = hold
    hook = BidWebhook(name="exchange", url=f"{exchange.url}/bids", secret_env="BIDS_SECRET")
    settings = world.settings.model_copy(update={"bids": Bids(webhooks=(hook,))})
    bidding = Bidding(settings, world.clock)
    try:
        plan = planned(world, (1000.0,) * PERIOD.isp_count)
        with world.store.transaction() as tx:
            bidding.send(tx, plan, "the timetable", "day-ahead")
        with subprocess.Popen([sys.executable, "-c", DELIVER, str(tmp_path), hook.url], cwd=PROJECT) as process:
            posted = taken.wait(60)
            process.send_signal(signal.SIGKILL)
        assert posted, "the bid was never posted"
        assert process.returncode == -signal.SIGKILL
        may.set()
        with world.store.transaction() as tx:
            (left,) = bids.deliveries(tx, PERIOD.day, "day-ahead")
        assert (left.state, left.attempts) == ("queued", 1)
        assert BidDelivery(world.store, settings, world.clock, bidding).run_due("exchange")
        first, second = exchange.posts
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert second.signed
        with world.store.transaction() as tx:
            (left,) = bids.deliveries(tx, PERIOD.day, "day-ahead")
        assert (left.state, left.attempts) == ("delivered", 2)
    finally:
        may.set()
        exchange.close()
        world.store.close()
