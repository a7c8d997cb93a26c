"""What waits for a channel or a BRP that is not in the settings any more is given up when the daemon starts."""

from datetime import timedelta
from pathlib import Path

from agr.domain.bid import DAY_AHEAD
from agr.domain.e_program import EProgram
from agr.schedule.bidding import Bidding
from agr.service import Service
from agr.settings import BidFiles, Bids
from agr.store import bids, day, nominations
from agr.uftp.signing import KeyPair
from tests.builders.plans import planned
from tests.builders.worlds import NOW, PERIOD, World

NOTHING = (0,) * PERIOD.isp_count


def test_the_start_gives_up_what_waits_for_channels_and_brps_that_are_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    KeyPair.generate().save(world.settings.key_file)
    plan = planned(world, (1000.0,) * PERIOD.isp_count)
    before = world.settings.model_copy(update={"bids": Bids(files=(BidFiles(name="trader", folder=tmp_path / "b"),))})
    told = EProgram(power_w=NOTHING, day_ahead_w=NOTHING, intraday_w=NOTHING, imbalance_w=NOTHING)
    with world.store.transaction() as tx:
        Bidding(before, world.clock).send(tx, plan, "anna", DAY_AHEAD)
        nominations.put(
            tx, PERIOD.day, "gone", revision=1, plan=plan.id, message_id="m", content=told, at=NOW,
            answer_due_at=NOW + timedelta(hours=8),
        )  # fmt: skip
        one = nominations.newest(tx, PERIOD.day, "gone")
        assert one is not None
        nominations.retry(tx, one.id, NOW + timedelta(seconds=500), "HTTP 503")  # in a pause
    daemon = Service(world.settings.model_copy(update={"listen_port": 0}), world.clock)
    try:
        daemon.start()
        with world.store.reading() as tx:
            (delivery,) = bids.deliveries(tx, PERIOD.day, "day-ahead")
            (one,) = nominations.history(tx, PERIOD.day)
            alarms = {alarm.subject: alarm.text for alarm in day.open_alarms(tx) if alarm.kind == "bid not delivered"}
        assert (delivery.state, delivery.detail) == ("failed", "the channel is not in [bids] any more")
        assert "send it through those that are" in alarms[f"{PERIOD} trader"]
        assert one.state == "failed"
        assert "it is not in [[brps]] any more; before: HTTP 503" in str(one.detail)
    finally:
        daemon.stop()
        world.store.close()
