"""What each resource is to do, by API, as files and from the command line."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.operations.plan_cache import PlanCache
from agr.operations.program_files import write
from agr.operations.program_folder import FAILED, ProgramFolder
from agr.operations.resource_programs import ProgramCache
from agr.settings import ProgramFiles
from agr.store import day, plans
from tests.builders.accounts import account
from tests.builders.operators_side import Desk
from tests.builders.worlds import OTHER_POINT, PERIOD, POINT, World

DAY = str(PERIOD.day)
URL = f"/api/v1/days/{DAY}/programs"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("desk")))
    opened.plan()
    yield opened
    opened.close()


def told(desk: Desk, **asked: Any) -> dict[str, Any]:
    answer = desk.as_("viewer").get(URL, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_programs_of_a_congestion_point_add_up_to_its_d_prognosis(desk: Desk) -> None:
    found = told(desk)
    with desk.world.store.transaction() as tx:
        plan = plans.in_force(tx, PERIOD.day)
    assert plan is not None
    assert (found["plan"], found["isps"], found["total"], found["matching"]) == (plan.id, 92, 3, 3)
    for point in plan.points:
        mine = [row["power_kw"] for row in found["programs"] if row["congestion_point"] == point.address]
        assert np.round(np.sum(mine, axis=0) * 1000).astype(int).tolist() == list(point.power_w)


def test_a_battery_tells_what_it_stores_and_a_load_nothing(desk: Desk) -> None:
    rows = {row["resource"]: row for row in told(desk)["programs"]}
    battery, load = rows["battery"], rows["load-2"]
    assert (battery["kind"], battery["connection"], battery["congestion_point"]) == ("battery", "ean.1", POINT)
    assert load["stored_kwh"] is None
    stored = 100.0
    for power, after in zip(battery["power_kw"], battery["stored_kwh"], strict=True):
        stored += power * 0.25 * 0.95 if power > 0 else power * 0.25 / 0.95
        assert after == pytest.approx(stored, abs=1e-6)


def test_programs_are_searched_and_come_in_pages(desk: Desk) -> None:
    assert [row["resource"] for row in told(desk, search="LOAD")["programs"]] == ["load-1", "load-2"]
    assert [row["resource"] for row in told(desk, search=OTHER_POINT)["programs"]] == ["load-2"]
    pages = [told(desk, limit=1, offset=n)["programs"] for n in range(4)]
    assert [row["resource"] for page in pages for row in page] == [row["resource"] for row in told(desk)["programs"]]


def test_who_knows_the_plan_gets_nothing_again(desk: Desk) -> None:
    client = desk.as_("viewer")
    for suffix in ("", ".csv", ".parquet"):
        tag = client.get(URL + suffix).headers["etag"]
        again = client.get(URL + suffix, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get(URL + suffix, headers={"If-None-Match": f'"plan-0", W/{tag}'}).status_code == 304
        assert client.get(URL + suffix, headers={"If-None-Match": '"plan-0"'}).status_code == 200


def test_who_knows_the_plan_hears_of_new_revisions_and_of_another_plan(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    desk.plan()
    client = desk.as_("viewer")

    def status(suffix: str, tag: str) -> int:
        return client.get(URL + suffix, headers={"If-None-Match": tag}).status_code

    tags = {suffix: client.get(URL + suffix).headers["etag"] for suffix in ("", ".csv", ".parquet")}
    assert {row["revision"] for row in told(desk)["programs"]} == {None}
    with desk.world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, day.PUBLICATION_OPEN, desk.world.clock.now(), "test")
    assert desk.daemon.publisher.publish(PERIOD) == 2
    assert {suffix: status(suffix, tag) for suffix, tag in tags.items()} == {"": 200, ".csv": 304, ".parquet": 304}
    assert {row["revision"] for row in told(desk)["programs"]} == {1}
    desk.plan()
    assert {suffix: status(suffix, tag) for suffix, tag in tags.items()} == dict.fromkeys(tags, 200)
    desk.close()


def test_files_hold_the_same_programs(desk: Desk) -> None:
    client, rows = desk.as_("viewer"), {row["resource"]: row for row in told(desk)["programs"]}
    lines = list(csv.DictReader(io.StringIO(client.get(URL + ".csv").text)))
    assert len(lines) == 3 * 92
    assert [line["start"] for line in lines[:92]] == [s.astimezone(PERIOD.tz).isoformat() for s in PERIOD.starts()]
    table = pq.read_table(io.BytesIO(client.get(URL + ".parquet").content))
    assert table.schema.metadata[b"plan"].decode() == str(told(desk)["plan"])
    for name, row in rows.items():
        mine = [line for line in lines if line["resource"] == name]
        assert [float(line["power_kw"]) for line in mine] == row["power_kw"]
        assert [line["isp"] for line in mine] == [str(isp) for isp in range(1, 93)]
        (at,) = [i for i, other in enumerate(table["resource"].to_pylist()) if other == name]
        assert table["power_kw"][at].as_py() == row["power_kw"]
        stored = row["stored_kwh"] or [None] * 92
        assert table["stored_kwh"][at].as_py() == stored
        assert [float(line["stored_kwh"]) if line["stored_kwh"] else None for line in mine] == stored


def test_a_plan_of_another_day_or_none_is_404_in_words(desk: Desk) -> None:
    client = desk.as_("viewer")
    later = PERIOD.next().day
    assert client.get(f"/api/v1/days/{later}/programs").json() == {"error": f"there is no plan for {later} yet"}
    plan = told(desk)["plan"]
    answer = client.get(f"/api/v1/days/{later}/programs.csv", params={"plan": plan})
    assert answer.status_code == 404
    assert f"there is no plan {plan} of {later}" in answer.json()["error"]
    assert client.get(URL, params={"plan": plan}).json() == told(desk)


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> tuple[ProgramFolder, Path]:
    place = tmp_path / "programs"
    settings = desk.world.settings.model_copy(update={"programs": ProgramFiles(folder=place)})
    store = desk.world.store
    return ProgramFolder(store, settings, desk.world.clock, ProgramCache(store, PlanCache(store))), place


def test_the_folder_holds_the_plan_in_force(desk: Desk, folder: tuple[ProgramFolder, Path]) -> None:
    drop, place = folder
    drop.look()
    assert [path.name for path in place.iterdir()] == [f"programs-{DAY}.csv"]
    (path,) = place.iterdir()
    text = path.read_text()
    assert text == desk.as_("viewer").get(URL + ".csv").text
    path.write_text("spoilt")
    drop.look()
    assert path.read_text() == "spoilt"  # nothing has changed that we know of
    path.unlink()
    drop.look()
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_an_alarm_until_it_can(
    desk: Desk, folder: tuple[ProgramFolder, Path]
) -> None:
    drop, place = folder
    place.write_text("a file where a folder should be")
    drop.look()
    with desk.world.store.transaction() as tx:
        (alarm,) = [alarm for alarm in day.open_alarms(tx) if alarm.kind == FAILED]
    assert str(place / f"programs-{DAY}.csv") in alarm.text
    place.unlink()
    drop.look()
    with desk.world.store.transaction() as tx:
        assert not [alarm for alarm in day.open_alarms(tx) if alarm.kind == FAILED]
    assert (place / f"programs-{DAY}.csv").exists()


def test_files_of_long_ago_are_deleted_and_others_left(desk: Desk, folder: tuple[ProgramFolder, Path]) -> None:
    drop, place = folder
    place.mkdir()
    keep = desk.world.settings.retention.personal_days
    old, kept = (f"programs-{PERIOD.previous().day - timedelta(days=keep + n)}.csv" for n in (1, 0))
    for name in (old, kept, "programs-of-theirs.csv", "programs-2020-99-99.csv"):
        (place / name).write_text("")
    drop.look()
    assert {path.name for path in place.iterdir()} == {
        kept, "programs-of-theirs.csv", "programs-2020-99-99.csv", f"programs-{DAY}.csv"
    }  # fmt: skip


def test_a_reader_never_sees_half_a_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = ProgramCache(desk.world.store, PlanCache(desk.world.store)).in_force(PERIOD)
    path = tmp_path / "programs.csv"
    path.write_text("before")

    def broken(_programs: object) -> Iterator[str]:
        yield "half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agr.operations.program_files.csv_lines", broken)
    with pytest.raises(OSError, match="No space left"):
        write(programs, path, "csv")
    assert [p.name for p in tmp_path.iterdir()] == ["programs.csv"]
    assert path.read_text() == "before"


def test_the_command_writes_the_same_files(desk: Desk, tmp_path: Path) -> None:
    config = tmp_path / "agr.toml"
    config.write_text(
        f'domain = "agr.example"\nkey_file = "{desk.world.settings.key_file}"\n'
        f'data_folder = "{desk.world.folder}"\nstore_url = "{desk.world.settings.store_url}"\n'
    )

    def agr(*arguments: str):
        return CliRunner().invoke(app, ["programs", "--config", str(config), "--period", DAY, *arguments])

    text = desk.as_("viewer").get(URL + ".csv").text
    assert agr().stdout == text
    wrote = agr("--out", str(tmp_path / "p.csv"))
    assert wrote.exit_code == 0, wrote.output
    assert (tmp_path / "p.csv").read_text() == text
    assert agr("--out", str(tmp_path / "p.parquet")).exit_code == 0
    assert pq.read_table(tmp_path / "p.parquet").num_rows == 3
    for arguments, words in (
        (("--out", str(tmp_path / "p.xlsx")), "must end in .csv or .parquet"),
        (("--plan", "99"), f"there is no plan 99 of {DAY}"),
        (("--out", str(tmp_path / "p.csv" / "below.csv")), "cannot be written"),
    ):
        refused = agr(*arguments)
        assert refused.exit_code == 1
        assert words in " ".join(refused.stderr.split())
        assert "Traceback" not in refused.output


def test_the_page_shows_the_programs_and_offers_the_files(desk: Desk) -> None:
    person = desk.anybody()
    person.cookies.set("agr_session", account(desk.accounts, "vera", "viewer"))
    page = person.get("/programs", params={"period": DAY})
    rows = {row["resource"]: row for row in told(desk)["programs"]}
    assert page.status_code == 200
    for name, row in rows.items():
        line = re.search(rf'<th scope="row"><a href="[^"]*key={name}&[^"]*">{name}</a>.*?</tr>', page.text, re.DOTALL)
        assert line is not None
        power = np.array(row["power_kw"])
        assert f'data-label="consumes kWh">{power.clip(min=0).sum() / 4:,.1f}<' in line[0]
        steps = re.search(r'<path d="(M[^"]*)"/></svg>', line[0])
        assert steps is not None
        heights = [float(part.split("H")[0].split(" ")[1]) for part in re.split("[ML]", steps[1])[1:]]
        assert len(heights) == 92
        lower = [a > b for a, b in pairwise(power) if abs(a - b) > 5]
        assert lower == [
            h < k for h, k, a, b in zip(heights, heights[1:], power, power[1:], strict=False) if abs(a - b) > 5
        ]
    assert "load-1" not in person.get("/programs", params={"period": DAY, "q": OTHER_POINT}).text
    (link,) = re.findall(r'href="(/api/v1/days/[^"]*\.csv)"', page.text)
    assert person.get(link).text == desk.as_("viewer").get(URL + ".csv").text
    later = person.get("/programs", params={"period": str(PERIOD.next().day)})
    assert "There is no plan for this Period yet" in later.text
    assert person.get("/programs", params={"period": DAY, "plan": 99}).status_code == 404
