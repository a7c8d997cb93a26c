"""The typed client and the page of the API: made of its description; the client works on a running daemon."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from agr.client import Client, Refused, generated
from agr.web.api import described
from agr.web.api_description import models, operations
from agr.web.client_source import client_source
from tests.builders.accounts import PASSWORD, account, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD, POINT, World

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("client")))
    opened.plan()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(desk: Desk) -> Iterator[Client]:
    account(desk.accounts, "robot", "operator")
    secret = token(desk.daemon.authentication, "robot", "operator", ["read", "preview", "act", "register"])
    with Client(desk.url, secret) as opened:
        yield opened


def test_the_client_is_what_the_description_says() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "agr/client/generated.py", "-"],
        input=client_source(described()), capture_output=True, text=True, check=True, cwd=PROJECT,
    )  # fmt: skip
    assert made.stdout == (PROJECT / "agr/client/generated.py").read_text(encoding="utf-8"), "run `make client`"
    assert len({one.name for one in operations(described())}) == len(operations(described()))


def test_it_needs_nothing_else_of_the_project(tmp_path: Path) -> None:
    source = (PROJECT / "agr/client/generated.py").read_text(encoding="utf-8")
    assert not re.findall(r"^(?:from|import) agr", source, re.MULTILINE)
    (tmp_path / "agr_client.py").write_text(source)
    code = (
        "import agr_client, sys; assert 'agr' not in sys.modules; agr_client.Client('http://127.0.0.1:9', 'x').close()"
    )
    subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"], check=True
    )


def test_what_it_reads_is_typed(client: Client) -> None:
    assert client.me().scopes == ["act", "preview", "read", "register"]
    day = client.day(PERIOD.day)
    assert (day.period, day.isps, day.plan_in_force) == (date(2026, 3, 29), 92, 1)
    found = client.programs(PERIOD.day, search="batt", limit=5)
    assert [(row.resource, len(row.power_kw)) for row in found.programs] == [("battery", 92)]
    assert client.programs_csv(PERIOD.day).startswith(b"resource,kind")
    assert client.point(PERIOD.day, POINT).point.address == POINT
    assert [plan.id for plan in client.plans(PERIOD.day)] == [1]
    run = client.run()
    assert run is None or run.plan == 1
    assert client.register_rows("batteries").rows[0].cells["resource"] == "battery"


def test_it_acts_once_per_key_and_what_is_refused_says_why(client: Client) -> None:
    given = generated.ReservationGiven(contract=CONTRACT, period=PERIOD.day, keep_share=0.5, why="a test")
    did = client.reserve(given, idempotency_key="once")
    assert client.reserve(given, idempotency_key="once") == did
    assert len(client.reservations(PERIOD.day)) == 1
    assert [line.action for line in client.log(action="reserve")] == ["reserve"]
    with pytest.raises(Refused, match="there is no contract 'FO-9'") as refused:
        client.reserve(generated.ReservationGiven(contract="FO-9", period=PERIOD.day, keep_share=1, why="a test"))
    assert refused.value.status == 422
    with pytest.raises(Refused, match="there is no plan 99"):
        client.plan(99)


def test_a_wrong_token_is_told(desk: Desk) -> None:
    with (
        Client(desk.url, "agr_nonsense") as stranger,
        pytest.raises(Refused, match="this token is not known here") as refused,
    ):
        stranger.me()
    assert refused.value.status == 401


def test_the_page_shows_every_operation_and_model(desk: Desk) -> None:
    person = desk.anybody()
    account(desk.accounts, "vera", "viewer")
    person.cookies.set("agr_session", desk.daemon.authentication.log_in("vera", PASSWORD, "here"))
    page = person.get("/api").text
    for operation in operations(described()):
        assert f'id="{operation.method}-{operation.name}"' in page
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert {model.name for model in models(described())} <= ids
    assert set(re.findall(r'href="#([^"]+)"', page)) - {"main"} <= ids
    assert "://" not in re.sub(r"http://127.0.0.1:\d+", "", page), "nothing from elsewhere"
    source = (PROJECT / "agr/client/generated.py").read_text(encoding="utf-8")
    assert person.get("/api/client.py").text == source
    assert desk.anybody().get("/api").status_code == 303
