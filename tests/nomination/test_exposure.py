"""Imbalance exposure, by hand: two risks, settlement prices or day-ahead prices in their place, on page and API."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.cli.status_tables import day_overview
from agr.connectors.tables.folder import read_folder
from agr.domain.e_program import EProgram
from agr.domain.errors import SettingsError, TableError
from agr.domain.register import Connection, Price
from agr.nomination.exposure import Exposures, exposures
from agr.operations.configuration_check import findings
from agr.operations.day_status import day_status
from agr.planning.settlement import intraday_spread
from agr.settings import Brp, Intraday, Markets, load
from agr.store import nominations, register
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, PERIOD, World

ISPS = PERIOD.isp_count
DAY = str(PERIOD.day)


def program(power_kw: float, imbalance_kw: float = 0.0, intraday_kw: float = 0.0) -> EProgram:
    power, imbalance, intraday = (round(kw * 1000) for kw in (power_kw, imbalance_kw, intraday_kw))
    return EProgram(
        power_w=(power,) * ISPS, day_ahead_w=(power - imbalance - intraday,) * ISPS, intraday_w=(intraday,) * ISPS,
        imbalance_w=(imbalance,) * ISPS,
    )  # fmt: skip


def prices(series: str, value: float, isps: Sequence[int]) -> tuple[Price, ...]:
    return tuple(
        Price(series=series, start=PERIOD.start + (isp - 1) * timedelta(minutes=15), minutes=15, value=value)
        for isp in isps
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World(tmp_path)
    brps = (Brp(name="one"), Brp(name="two", balance="itself"))
    world.settings = world.settings.model_copy(update={"brps": brps})
    opened = Desk(world)
    yield opened
    opened.close()


def tell(desk: Desk, brp: str, content: EProgram, answer: str | None = None) -> None:
    with desk.world.store.transaction() as tx:
        last = nominations.newest(tx, PERIOD.day, brp)
        revision = 1 if last is None else last.revision + 1
        nominations.put(
            tx, PERIOD.day, brp, revision=revision, plan=1, message_id=f"{brp}-{revision}", content=content, at=NOW,
            answer_due_at=NOW,
        )  # fmt: skip
        made = nominations.newest(tx, PERIOD.day, brp)
        if answer and made:
            nominations.answered(tx, made.id, NOW, answer, None)


def seen(desk: Desk) -> Exposures:
    with desk.world.store.transaction() as tx:
        return exposures(tx, desk.world.settings, PERIOD)


def test_shortage_is_bought_and_surplus_sold_at_settlement_prices_where_they_are_known(desk: Desk) -> None:
    tell(desk, "one", program(100.0, imbalance_kw=40.0))
    tell(desk, "two", program(100.0, imbalance_kw=-40.0))
    with desk.world.store.transaction() as tx:
        register.put_prices(tx, prices("day_ahead", 50.0, range(1, ISPS + 1)))
        register.put_prices(tx, prices("imbalance_shortage", 200.0, (1, 2)))
        register.put_prices(tx, prices("imbalance_surplus", -10.0, (1,)))
    one, two = seen(desk).brps
    assert one.uncovered_mwh == pytest.approx(0.010)
    assert one.uncovered_eur[:3].tolist() == pytest.approx([-2.0, -0.5, -0.5])  # the second ISP knows only one price
    assert two.uncovered_eur[:3].tolist() == pytest.approx([-0.1, 0.5, 0.5])
    assert seen(desk).prices.stand_in[:3].tolist() == [False, True, True]
    assert one.unaccepted_mwh is None


def test_what_a_brp_has_not_accepted_is_another_amount(desk: Desk) -> None:
    tell(desk, "one", program(100.0), "accepted")
    tell(desk, "one", program(140.0), "rejected")
    tell(desk, "one", program(60.0))
    (one,) = seen(desk).brps
    assert one.accepted is not None
    assert (one.newest.revision, one.accepted.revision) == (3, 1)
    assert one.unaccepted_mwh == pytest.approx(np.full(ISPS, -0.010))
    assert one.uncovered_mwh == pytest.approx(0.0)
    assert one.unaccepted_eur is not None
    assert (one.unaccepted_eur > 0).all()  # it would be sold


def test_trade_that_the_plan_nets_between_parties_is_named(desk: Desk) -> None:
    tell(desk, "one", program(100.0, intraday_kw=30.0))
    tell(desk, "two", program(100.0, intraday_kw=-20.0))
    assert seen(desk).crossing_mwh == pytest.approx(0.005)
    page = desk.as_("viewer").get(f"/api/v1/days/{DAY}/exposure").json()
    assert page["crossing_mwh"] == pytest.approx([0.005] * ISPS)
    assert page["crossing_eur"] == pytest.approx([-0.005 * 20.0] * ISPS)  # the usual spread


def test_the_spread_of_given_intraday_prices_counts_where_both_are_known(desk: Desk) -> None:
    known = (*prices("buy", 90.0, (1, 2)), *prices("sell", 60.0, (1,)), *prices("sell", 95.0, (3,)))
    settings = desk.world.settings.model_copy(
        update={"markets": Markets(intraday=Intraday(buy_series="buy", sell_series="sell", spread_eur_per_mwh=7.0))}
    )
    assert intraday_spread(settings, known, PERIOD)[:3].tolist() == [30.0, 7.0, 7.0]
    crossed = (*prices("buy", 90.0, (1,)), *prices("sell", 95.0, (1,)))
    assert intraday_spread(settings, crossed, PERIOD)[0] == 0.0


def test_the_check_names_unknown_brps_and_missing_secrets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_BRP_SECRET", raising=False)
    two = Brp(name="two", url="http://127.0.0.1:9/", header_env={"Authorization": "TEST_BRP_SECRET"})
    settings = desk.world.settings.model_copy(update={"brps": (two,)})
    rows = (("ean.1", "two"), ("ean.2", "three"))
    desk.world.know_register(connections=tuple(Connection(address=a, first_day=PERIOD.day, brp=brp) for a, brp in rows))
    found = findings(settings)
    assert "table connections names BRP three, which is not in [[brps]]: nobody is told of its energy" in found
    assert "the environment variable TEST_BRP_SECRET of BRP two is not set; see brps.header_env" in found
    monkeypatch.setenv("TEST_BRP_SECRET", "x")
    assert not any("TEST_BRP_SECRET" in words for words in findings(settings))


def test_the_status_tells_the_newest_e_program_of_each_brp(desk: Desk) -> None:
    tell(desk, "one", program(100.0), "accepted")
    tell(desk, "two", program(100.0))
    tell(desk, "two", program(110.0))
    with desk.world.store.transaction() as tx:
        status = day_status(tx, desk.world.settings, PERIOD, NOW)
    assert "E-programs:\n  one: revision 1 accepted\n  two: revision 2 queued" in list(day_overview(status))


def test_the_api_says_what_is_not_known_with_null(desk: Desk) -> None:
    tell(desk, "one", program(100.0, imbalance_kw=40.0))
    with desk.world.store.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM prices")
    found = desk.as_("viewer").get(f"/api/v1/days/{DAY}/exposure").json()
    (one,) = found["brps"]
    assert found["isps"] == ISPS
    assert found["shortage_per_mwh"] == one["uncovered_eur"] == [None] * ISPS
    assert (one["brp"], one["revision"], one["accepted_revision"], one["unaccepted_mwh"]) == ("one", 1, None, None)
    listed = desk.as_("viewer").get(f"/api/v1/days/{DAY}/nominations").json()
    assert [(row["brp"], row["revision"], row["answer"]) for row in listed] == [("one", 1, None)]


CONNECTIONS = "address,first_day,brp\nean.871685900012636543,2026-01-01,{brp}\n"


def test_a_connection_of_a_brp_that_nobody_knows_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "connections.csv").write_text(CONNECTIONS.format(brp="brp-too"))
    with pytest.raises(TableError, match=r"line 2, column brp: 'brp-too' is not in \[\[brps\]\].*did you mean brp-two"):
        read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15, brps=["brp-one", "brp-two"])
    found = read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15)
    assert found.register.connections[0].brp == "brp-too"
    (tmp_path / "connections.csv").write_text(CONNECTIONS.format(brp=""))
    found = read_folder(tmp_path, zone_name="Europe/Amsterdam", isp_minutes=15, brps=["brp-one"])
    assert found.register.connections[0].brp is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('name = "a/b"', "brps (entry 1).name"),
        ('name = "one"\n[[brps]]\nname = "ONE"', "one is given twice"),
        ('name = "one"\nurl = "ftp://brp"', "brps (entry 1).url"),
        ('name = "one"\nbalance = "alone"', "brps (entry 1).balance"),
        ('name = "one"\nheader_env = { Authorization = "Bearer x" }', "environment variable"),
    ],
)
def test_wrong_settings_of_brps_are_refused_in_words(tmp_path: Path, given: str, words: str) -> None:
    path = tmp_path / "agr.toml"
    path.write_text(f'domain = "agr.example"\n[[brps]]\n{given}\n')
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert words in str(caught.value)


def test_folders_of_brps_are_relative_to_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "agr.toml"
    path.write_text('domain = "agr.example"\n[[brps]]\nname = "one"\nfolder = "drop"\n')
    assert load(path).brps[0].folder == tmp_path / "drop"
