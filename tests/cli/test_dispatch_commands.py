"""`agr dispatch` and what `agr check` says of roads, as their user types them, beside a daemon's store."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, DispatchState, Learned, LimitStep, Profile, Purpose, StationFact
from agr.domain.register import Connection, Register
from agr.operations import commands
from agr.operations.dispatching import wishes
from agr.settings import load, write_example
from agr.store import audit_log, dispatch_facts, dispatches, register
from agr.store.engine import Store
from tests.builders.citrine import Citrine, Station
from tests.builders.http_server import Told

RUN = CliRunner()
NOW = datetime.now(UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = write_example(tmp_path, "agr.example")
    with opened(made).transaction() as tx:
        register.replace(tx, Register(connections=(Connection(address="ean.1", first_day=NOW.date()),)))
    return made


def opened(config: Path) -> Store:
    return commands.open_store(load(config))


def know(config: Path, **more: object) -> None:
    given = {
        "charge_point": "pole-7", "connection": "ean.1", "road": "citrine", "station": "CP1", "protocol": "2.0.1",
        "max_kw": 11.0, "unit": "W",
    } | more  # fmt: skip
    with opened(config).transaction() as tx:
        point = ChargePoint(**given)  # type: ignore[arg-type]
        register.replace(tx, register.load(tx).with_table("charge_points", (point,)))


def run(config: Path, *words: str, code: int = 0) -> str:
    done = RUN.invoke(app, [*words, "--config", str(config)])
    assert done.exit_code == code, done.output
    return done.output


def test_status_shows_what_was_sent_and_what_came_of_it(config: Path) -> None:
    assert "the table charge_points is empty" in run(config, "dispatch", "status")
    know(config)
    assert "nothing sent" in run(config, "dispatch", "status")
    profile = Profile(start=NOW, unit="W", steps=(LimitStep(after_s=0, limit=7000),))
    with opened(config).transaction() as tx:
        number = dispatches.queue(
            tx, charge_point="pole-7", road="citrine", station="CP1", action=Action.SET, purpose=Purpose.PLAN, slot=1,
            at=NOW, profile=profile,
        )  # fmt: skip
        dispatches.sending(tx, number, NOW)
        dispatches.answered(tx, number, DispatchState.REJECTED, "ToldTo", NOW)
    said = run(config, "dispatch", "status", "pole-7")
    assert all(words in said for words in ("pole-7", "CP1", "rejected", "7.00", "ToldTo"))
    assert "did you mean pole-7?" in run(config, "dispatch", "status", "pole-8", code=1)


def test_what_operators_ask_for_is_there_for_the_daemon(config: Path) -> None:
    know(config)
    run(config, "dispatch", "verify", "pole-7")
    run(config, "dispatch", "resend", "pole-7", "--why", "replaced")
    run(config, "dispatch", "stop", "pole-7", "--why", "smoke")
    with opened(config).transaction() as tx:
        assert wishes.open_wishes(tx) == [("verify", "pole-7"), ("resend", "pole-7")]
        assert wishes.stops(tx) == {"pole-7"}
        wishes.done(tx, "verify", "pole-7", NOW)
        assert wishes.open_wishes(tx) == [("resend", "pole-7")]
    assert "(stopped)" in " ".join(run(config, "dispatch", "status").split())
    run(config, "dispatch", "stop", "pole-7", "--release", "--why", "dust")
    with opened(config).transaction() as tx:
        assert wishes.stops(tx) == frozenset()
        logged = [(line.action, line.subject, line.why) for line in audit_log.entries(tx)]
    assert logged[:2] == [("dispatch stop taken back", "pole-7", "dust"), ("dispatch stop", "pole-7", "smoke")]
    assert "there is no charge point 'pole-8'" in run(config, "dispatch", "stop", "pole-8", "--why", "x", code=1)


@pytest.mark.parametrize(
    ("station", "point", "words"),
    [
        (Station(), {}, ""),
        (Station(units=("A",)), {}, "station CP1 takes limits in A, and the table says W"),
        (Station(periods=5), {}, "station CP1 takes 5 periods per schedule, the table says 24"),
        (Station(), {"station": "CP9"}, "station CP9 has not told what it takes"),
        (Station(), {"road": "citron"}, "point pole-7 is reached by 'citron', which is not in [[dispatch.roads]]"),
    ],
)  # fmt: skip
def test_check_tries_the_road_in_words(config: Path, station: Station, point: dict[str, object], words: str) -> None:
    know(config, **point)
    with Citrine(lambda: 0.0, CP1=station) as citrine:
        text = config.read_text() + f'\n[[dispatch.roads]]\nname = "citrine"\nurl = "{citrine.server.url}"\n'
        config.write_text(text)
        said = RUN.invoke(app, ["check", "--config", str(config)]).output
    mine = [line for line in said.splitlines() if "dispatch:" in line]
    if words:
        assert any(words in line for line in mine)
    else:
        assert mine == []


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (("A", "W"), ""),
        (("A",), "station CP1 takes limits in A, and the table says W"),
        ((), "which unit station CP1 takes is not known"),
    ],
)  # fmt: skip
def test_check_asks_a_station_of_ocpp_1_6_by_a_callback_of_its_own(
    config: Path, units: tuple[str, ...], words: str
) -> None:
    """Its answers come to where the daemon would listen; that is any free port here."""
    know(config, protocol="1.6", max_periods=20)
    config.write_text(re.sub(r"(?m)^#? *listen_port = 8082.*$", "listen_port = 0", config.read_text()))
    with Citrine(lambda: 0.0, CP1=Station(protocol="1.6", units=units)) as citrine:
        citrine.posts = True
        road = f'[[dispatch.roads]]\nname = "citrine"\nurl = "{citrine.server.url}"\n'
        config.write_text(f"{config.read_text()}\n{road}")
        said = RUN.invoke(app, ["check", "--config", str(config)]).output
    mine = [line for line in said.splitlines() if "dispatch:" in line]
    assert (words in mine[0]) if words else (mine == [])


def test_check_knows_what_the_daemon_has_learnt_of_a_station(config: Path) -> None:
    know(config, protocol="1.6")
    fact = Learned(road="citrine", station="CP1", charge_point="", fact=StationFact.UNIT, value="A", at=NOW)
    with opened(config).transaction() as tx:
        dispatch_facts.put(tx, fact)
    with Citrine(lambda: 0.0, CP1=Station(protocol="1.6", online=False)) as citrine:
        road = f'[[dispatch.roads]]\nname = "citrine"\nurl = "{citrine.server.url}"\n'
        config.write_text(f"{config.read_text()}\n{road}")
        assert "CP1 takes limits in A" in RUN.invoke(app, ["check", "--config", str(config)]).output
    assert "takes A" in run(config, "dispatch", "status")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "it does not let us in (HTTP 401); check token_env"), (404, "is this CitrineOS?")]
)
def test_check_says_why_a_road_is_closed(config: Path, status: int, words: str) -> None:
    know(config)
    with Citrine(lambda: 0.0, CP1=Station()) as citrine:
        citrine.trouble = lambda asked: Told(status=status)
        config.write_text(
            config.read_text() + f'\n[[dispatch.roads]]\nname = "citrine"\nurl = "{citrine.server.url}"\n'
        )
        assert words in RUN.invoke(app, ["check", "--config", str(config)]).output
    assert "cannot be reached" in RUN.invoke(app, ["check", "--config", str(config)]).output
