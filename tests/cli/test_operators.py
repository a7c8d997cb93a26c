"""The operators' commands, against a daemon's API over real HTTP."""

from collections.abc import Iterator

import pytest
import tomli_w
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import InputError
from agr.store import audit_log, day
from tests.builders.accounts import account, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD, World

DAY = str(PERIOD.day)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("operating")))
    settings = opened.world.settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    (opened.world.folder / "agr.toml").write_text(tomli_w.dumps(settings))
    opened.plan()
    account(opened.accounts, "olga", "operator")
    yield opened
    opened.close()


@pytest.fixture
def agr(desk, monkeypatch):
    monkeypatch.setenv("AGR_TOKEN", token(desk.daemon.authentication, "olga", "operator", ["read", "preview", "act"]))
    monkeypatch.setenv("AGR_URL", desk.url)
    monkeypatch.setenv("AGR_CONFIG", str(desk.world.folder / "agr.toml"))

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_hold_and_release_are_written_to_the_log_with_who_and_why(desk, agr):
    assert "on hold" in agr("hold", "--why", "the DSO asked")
    assert "on hold already" in agr("hold", "--why", "again", code=1)
    assert "released" in agr("release", "-m", "it is over")
    with desk.world.store.transaction() as tx:
        found = [(d.who.split(" ")[0], d.action, d.why) for d in audit_log.entries(tx, limit=2)]
    assert found == [("olga", "release", "it is over"), ("olga", "hold", "the DSO asked")]


def test_a_preview_is_asked_for_waited_for_and_discarded(desk, agr):
    """The planning loop of a running daemon is played by a thread."""
    import threading

    ended = threading.Event()

    def plan() -> None:
        while not ended.wait(0.1):
            desk.daemon.planner.run_due()

    loop = threading.Thread(target=plan)
    loop.start()
    try:
        said = agr("trigger", "--period", DAY, "--why", "new prices", "--patience", "120")
    finally:
        ended.set()
        loop.join()
    number = said.split("plan ")[1].split(" ")[0]
    assert "(preview)" in said
    assert "nothing was sent" in said
    assert "is discarded" in agr("decide", number, "discard", "--why", "no need")
    assert "not a preview" in agr("decide", number, "send", "--why", "after all", code=1)
    assert "write send or discard" in agr("decide", number, "forget", "--why", "x y z", code=1)
    assert "not a preview" in agr("decide", "send", "--plan", number, "--why", "after all", code=1)
    assert "7, or --plan 7" in agr("decide", "send", "--why", "x y z", code=1)
    assert "7, or --plan 7" in agr("decide", number, "send", "--plan", number, "--why", "x y z", code=1)
    assert "'seven' is not a plan" in agr("decide", "seven", "send", "--why", "x y z", code=1)


def test_reservations_are_listed_and_entered(desk, agr):
    assert "no updates for" in agr("reservations", "--period", DAY)
    assert "is entered" in agr("reservations", CONTRACT, "--keep", "25", "--why", "by phone", "--period", DAY)
    listed = agr("reservations", "--period", DAY)
    assert CONTRACT in listed
    assert "25.0" in listed
    assert "Europe/Amsterdam" in listed
    assert "+0100" in listed, "a time without its zone means nothing"
    assert "that is still reserved" in agr("reservations", CONTRACT, "--why", "by phone", "--period", DAY, code=1)


def test_alarms_tell_by_their_exit_code_whether_somebody_is_on_them(desk, agr):
    with desk.world.store.transaction() as tx:
        for alarm in day.open_alarms(tx):
            day.recover(tx, alarm.kind, alarm.subject, desk.world.clock.now())
        day.raise_alarm(tx, "feed failed", "weather", "no answer", desk.world.clock.now())
        (alarm,) = day.open_alarms(tx)
    assert "feed failed [weather]: no answer" in agr("alarms", code=2)
    agr("alarms", "--acknowledge", str(alarm.id), "--why", "calling them")
    assert "olga is on it" in agr("alarms")
    with desk.world.store.transaction() as tx:
        day.recover(tx, "feed failed", "weather", desk.world.clock.now())
    assert "no open alarms" in agr("alarms")


def test_what_is_missing_is_said(desk, agr, monkeypatch):
    monkeypatch.setenv("AGR_URL", "http://127.0.0.1:9")
    assert "no daemon answers at http://127.0.0.1:9" in agr("alarms", code=1)
    monkeypatch.delenv("AGR_URL")
    assert "the daemon chose its own port" not in agr("alarms", code=1)  # configured: the port after listen_port
    monkeypatch.delenv("AGR_TOKEN")
    assert "agr accounts token" in agr("alarms", code=1)
    monkeypatch.setenv("AGR_TOKEN", "agr_wrong")
    monkeypatch.setenv("AGR_URL", desk.url)
    assert "this token is not known here" in agr("alarms", code=1)


def test_whoever_lacks_a_permission_is_told_whether_another_token_would_help(desk, agr, monkeypatch):
    monkeypatch.setenv("AGR_TOKEN", token(desk.daemon.authentication, "olga", "operator", ["read"]))
    assert "lacks: make one with --scope act, too" in agr("hold", "--why", "it is time", code=1)
    account(desk.accounts, "viola", "viewer")
    monkeypatch.setenv("AGR_TOKEN", token(desk.daemon.authentication, "viola", "viewer", ["read"]))
    assert "which viola (token" in agr("hold", "--why", "it is time", code=1)
    assert "lacks, and so does the role viewer" in agr("hold", "--why", "it is time", code=1)


@pytest.mark.parametrize("words", [("award", "day-ahead", "--file"), ("trades", "import"), ("readings", "import")])
def test_a_file_that_cannot_be_read_is_told_in_plain_words(agr, tmp_path, words):
    told = agr(*words, str(tmp_path / "nosuch.csv"), code=1)
    assert told.endswith("nosuch.csv: cannot be read (No such file or directory)\n")
    (tmp_path / "latin.csv").write_bytes("stärt,mw\n".encode("latin-1"))
    assert agr(*words, str(tmp_path / "latin.csv"), code=1).endswith(
        "latin.csv: is not UTF-8 text (byte 2); save it as UTF-8\n"
    )


def test_a_token_made_as_the_hint_says_may_use_every_command(desk, agr, monkeypatch):
    monkeypatch.delenv("AGR_TOKEN")
    hint = " ".join(agr("trigger", "--why", "a test", code=1).split())
    command = hint.split("`agr ")[1].split("`")[0].replace("NAME", "olga").split()
    monkeypatch.setenv("AGR_TOKEN", agr(*command).strip())
    assert "on hold" in agr("hold", "--why", "a test")
    assert "released" in agr("release", "--why", "a test")
    assert "no plan within 0 s" in agr("trigger", "--why", "a test", "--period", DAY, "--patience", "0", code=1)
    monkeypatch.setenv("AGR_TOKEN", token(desk.daemon.authentication, "olga", "operator", ["act"]))
    refused = " ".join(agr("trigger", "--why", "a test", "--period", DAY, code=1).split())
    assert "--scope preview" in refused


def test_accounts_are_made_on_the_machine(desk, agr):
    said = agr("accounts", "add", "vera", "--role", "viewer")
    secret = said.split("/setup/")[1].split()[0]
    assert desk.daemon.authentication.link_opens(secret) == ("vera",)
    assert "waiting for set-up" in agr("accounts", "list")
    assert "/setup/" in agr("accounts", "link", "vera")
    assert desk.daemon.authentication.link_opens(secret) is None
    assert "is not a role" in agr("accounts", "add", "otto", "--role", "king", code=1)
    made = agr("accounts", "token", "olga", "--scope", "read").strip()
    assert desk.daemon.authentication.by_token(made).name == "olga"
    assert "there is no account" in agr("accounts", "token", "nobody", "--scope", "read", code=1)


def test_a_set_up_link_is_told_where_only_the_daemon_knows_its_port(desk, agr, monkeypatch):
    """As in `agr demo`, whose daemon chose its ports."""
    monkeypatch.setattr("agr.cli.client.address_of", _unknown)
    said = agr("accounts", "add", "wim")
    assert said.startswith("/setup/")
    assert "behind the address of the operators' page" in " ".join(said.split())
    assert desk.daemon.authentication.link_opens(said.split("/setup/")[1].split()[0]) == ("wim",)


def _unknown(_settings):
    raise InputError("the daemon chose its own port")
