"""The daemon sends to charge points, takes answers on a port of its own, and resumes after a restart."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx

from agr.domain.charge_point import ChargePoint
from agr.domain.register import Connection, Register
from agr.service import Service
from agr.settings import DispatchRoad, DispatchSettings
from agr.store import dispatches, register
from agr.uftp.signing import KeyPair
from tests.builders.citrine import Citrine, Station
from tests.builders.worlds import World


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_sent_is_answered_on_the_daemon_s_own_port(tmp_path: Path) -> None:
    world = World(tmp_path)
    KeyPair.generate().save(world.settings.key_file)
    point = ChargePoint(
        charge_point="p1", connection="ean.1", road="citrine", station="CP1", protocol="2.0.1", max_kw=11.0,
        fallback_kw=4.2,
    )  # fmt: skip
    known = Register(connections=(Connection(address="ean.1", first_day=date(2026, 1, 1)),), charge_points=(point,))
    with world.store.transaction() as tx:
        register.replace(tx, known)

    def states() -> list[str]:
        with world.store.transaction() as tx:
            return [str(row.state) for row in dispatches.newest(tx, "p1")]

    with Citrine(lambda: world.clock.now().timestamp(), CP1=Station()) as citrine:
        road = DispatchRoad(name="citrine", url=citrine.server.url)
        settings = world.settings.model_copy(
            update={"listen_port": 0, "dispatch": DispatchSettings(roads=(road,), listen_port=0)}
        )
        with Service(settings, world.clock):
            until(lambda: bool(citrine.pending))
            url, body = citrine.pending[0]
            assert states() == ["sent"]
            assert httpx.post(url.rsplit("/", 1)[0] + "/" + "0" * 64, content=body, timeout=60).status_code == 404
            assert httpx.post(url, content=body, timeout=60).status_code == 200
            until(lambda: states()[-1] == "accepted")
        with Service(settings, world.clock):  # after the restart it asks, and sends nothing
            until(lambda: len(citrine.commands("getCompositeSchedule")) >= 1)
        assert len(citrine.commands()) == 1
    world.store.close()
