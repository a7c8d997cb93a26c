"""`agr bids` and `agr trades`, as their user types them, beside a daemon's store."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import SystemClock, period_of
from agr.operations import commands
from agr.settings import load, write_example
from agr.store import trades
from tests.builders.plans import planned

RUN = CliRunner()


class Site:
    """A folder with settings whose bids go to a folder, and a plan for tomorrow or the day after."""

    def __init__(self, folder: Path) -> None:
        self.config = write_example(folder, "agr.example")
        text = self.config.read_text(encoding="utf-8")
        channel = 'approval = false\n\n[[bids.files]]\nname = "trader"\nfolder = "bids"\n'
        self.config.write_text(text + "\n", encoding="utf-8")
        section = text.index("[bids]")
        end = text.index("#[[bids.files]]")
        self.config.write_text(
            text[:section] + "[bids]\n" + channel.removeprefix("approval = false\n") + text[end:], encoding="utf-8"
        )
        self.settings, self.clock = load(self.config), SystemClock()
        self.store = commands.open_store(self.settings)
        self.period = period_of(self.clock.now(), self.settings.time_zone, self.settings.isp_minutes).next().next()

    def run(self, *words: str, code: int = 0) -> str:
        done = RUN.invoke(app, [*words, "--config", str(self.config)])
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_bid_is_approved_and_listed(site: Site) -> None:
    of = str(site.period)
    assert f"no day-ahead bid has been made for {of}" in site.run("bids", "--period", of)
    assert "nothing is kept of" in site.run("history")
    assert "there is no plan for" in site.run("bids", "--approve", "--why", "a test", "--period", of, code=1)
    planned(site, (1000.0,) * site.period.isp_count, site.period)
    assert "say why" in site.run("bids", "--approve", "--period", of, code=1)
    assert "plan 1 has come into force since plan 4" in site.run(
        "bids", "--approve", "--plan", "4", "--why", "a test", "--period", of, code=1
    )
    said = site.run("bids", "--approve", "--why", "a test", "--period", of)
    assert "revision 1 of plan 1, leaves now" in said
    listed = site.run("bids", "--period", of)
    assert "trader" in listed
    assert "queued" in listed


def test_trades_are_added_imported_listed_and_cancelled(site: Site, tmp_path: Path) -> None:
    start = site.period.starts()[40].isoformat()
    assert "1 trade entered" in site.run("trades", "add", "T-1", start, "1.5", "80", "--minutes", "30")
    assert "nothing is new" in site.run("trades", "add", "T-1", start, "1.5", "80", "--minutes", "30")
    assert "known with other contents" in site.run("trades", "add", "T-1", start, "2", "80", code=1)
    assert "has no UTC offset" in site.run("trades", "add", "T-2", "2026-03-29T10:00", "2", "80", code=1)
    file = tmp_path / "trades.csv"
    file.write_text(f"trade,start,minutes,mw,price_eur_per_mwh\nT-1,{start},30,1.5,80\nT-3,{start},15,-0.5,99\n")
    assert "1 trade entered; 1 trade known already" in site.run("trades", "import", str(file))
    assert "no longer counts" in site.run("trades", "cancel", "T-1", "--why", "busted")
    listed = site.run("trades", "list", "--period", str(site.period))
    assert "cancelled by" in listed
    assert "-0.500" in listed
    with site.store.transaction() as tx:
        assert [one.trade for one in trades.counting(tx, site.period.day)] == ["T-3"]


def test_a_sale_needs_no_trick_and_a_misspelt_option_is_refused(site: Site) -> None:
    start = site.period.starts()[40].isoformat()
    assert "1 trade entered" in site.run("trades", "add", "T-1", start, "-0.5", "-92.4", "--minutes", "30")
    apart = RUN.invoke(app, ["trades", "add", "--config", str(site.config), "--", "T-2", start, "-1", "80"])
    assert "1 trade entered" in apart.output
    assert "--minuts" in site.run("trades", "add", "T-3", start, "-1", "80", "--minuts", "30", code=2)
    with site.store.transaction() as tx:
        known = trades.counting(tx, site.period.day)
    assert {(one.trade, one.mw, one.price_eur_per_mwh) for one in known} == {("T-1", -0.5, -92.4), ("T-2", -1, 80)}


def test_faults_of_a_file_of_trades_are_told_at_once_each_with_its_line(site: Site, tmp_path: Path) -> None:
    start, file = site.period.starts()[40].isoformat(), tmp_path / "trades.csv"
    file.write_text(
        f"trade,start,minutes,mw,price_eur_per_mwh\nT-1,{start},15,1,80\nT-1,{start},15,2,80\nT-2,{start},7,1,80\n"
        f"T-3,{start},15,0,80\nT-4,2020-01-01T10:00Z,15,1,80\n" + "".join(f"B-{n},{start},15,0,80\n" for n in range(6))
    )
    lines = [" ".join(line.split()) for line in site.run("trades", "import", str(file), code=1).splitlines()]
    told = " ".join(lines)
    assert "line 3: trade 'T-1' appears twice with different contents, line 2 and line 3; keep one" in told
    assert "line 4: trade 'T-2' does not begin and end with an ISP" in told
    assert "line 5: trade 'T-3' 0 MW" in told
    assert "line 6: trade 'T-4' is of a Period that is over" in told
    assert "line 12: trade 'B-5'" in told
    assert told.index("line 4:") < told.index("line 6:") < told.index("line 7:"), "in the file's order"
    with site.store.transaction() as tx:
        assert trades.counting(tx, site.period.day) == ()
