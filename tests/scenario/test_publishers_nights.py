"""Every publisher's layout is read right on the days on which the clock changes, whatever the order of rows."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions

TZ = ZoneInfo("Europe/Amsterdam")
DAYS = (date(2024, 3, 31), date(2024, 10, 27), date(2024, 4, 10))


def local(moment: datetime, form: str) -> str:
    return moment.astimezone(TZ).strftime(form)


def entsoe(start: datetime, end: datetime, n: int) -> str:
    form = "%d/%m/%Y %H:%M:%S"
    return f'"{local(start, form)} - {local(end, form)}","BZN|NL","Sequence 1","{n}.5"'


def nord_pool(start: datetime, end: datetime, n: int) -> str:
    form = "%d.%m.%Y %H:%M:%S"
    return f"{local(start, '%Y-%m-%d')};{local(start, form)};{local(end, form)};{n},5"


def smard(start: datetime, end: datetime, n: int) -> str:
    form = "%b %d, %Y %I:%M %p"
    return f"{local(start, form)};{local(end, form)};{n}.5"


def smard_in_german(start: datetime, end: datetime, n: int) -> str:
    form = "%d.%m.%Y %H:%M"
    return f"{local(start, form)};{local(end, form)};{n},5"


def smard_of_former_years(start: datetime, end: datetime, n: int) -> str:
    return f"{local(start, '%d.%m.%Y')};{local(start, '%H:%M')};{local(end, '%H:%M')};{n},5"


def energy_charts(start: datetime, end: datetime, n: int) -> str:
    return f"{local(start, '%Y-%m-%dT%H:%M%z')},{n}.5"


LAYOUTS: dict[str, tuple[str, Callable[[datetime, datetime, int], str]]] = {
    "entsoe": ('"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"', entsoe),
    "nord pool": ("Delivery Date CET;Delivery Start (CET);Delivery End (CET);NL (EUR)", nord_pool),
    "smard": ("Start date;End date;Netherlands [€/MWh] Original resolutions", smard),
    "smard in german": ("Datum von;Datum bis;Niederlande [€/MWh] Originalauflösungen", smard_in_german),
    "smard of former years": ("Datum;Anfang;Ende;Niederlande [€/MWh]", smard_of_former_years),
    "energy charts": ('"Date (GMT+1)","Day Ahead Auction (NL)"\n,"Price (EUR/MWh, EUR/tCO2)"', energy_charts),
}


@pytest.mark.parametrize("order", [1, -1], ids=["rising", "falling"])
@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_day_ahead_prices(tmp_path, layout, day, minutes, order):
    header, row = LAYOUTS[layout]
    starts = Period(day).starts()[:: minutes // 15]
    rows = [row(start, start + timedelta(minutes=minutes), n) for n, start in enumerate(starts)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([header, *rows[::order]]) + "\n", encoding="utf-8-sig")
    found = downloads.day_ahead(path, ImportOptions(tz=TZ, area="NL")).values
    assert [(p.start, p.minutes, p.value) for p in found] == [(s, minutes, n + 0.5) for n, s in enumerate(starts)]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_tennet_s_former_export_counts_the_quarters_of_the_day(tmp_path, day):
    starts = Period(day).starts()
    rows = [f'"{day:%m/%d/%Y}","{n}","{local(s, "%H:%M")}","","{n}","{-n}"' for n, s in enumerate(starts, start=1)]
    path = tmp_path / "imbalance.csv"
    path.write_text('"Date","PTE","period_from","period_until","Consume","Feed"\n' + "\n".join(rows) + "\n")
    found = [p for p in downloads.imbalance(path, ImportOptions(tz=TZ)).values if p.series == "imbalance_shortage"]
    assert [(p.start, p.minutes, p.value) for p in found] == [(s, 15, n) for n, s in enumerate(starts, start=1)]
    path.write_text(path.read_text().replace(f'"9","{local(starts[8], "%H:%M")}"', '"9","05:45"'))
    with pytest.raises(TableError, match=r"line 10: ISP 9 of .* begins at 0\d:\d\d.*, not at 05:45"):
        downloads.imbalance(path, ImportOptions(tz=TZ))


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "Europe/London"])
def test_tennet_s_times_are_dutch_whatever_the_market(tmp_path, zone):
    path = tmp_path / "imbalance.csv"
    asked = ImportOptions(tz=ZoneInfo(zone))
    for text in (
        "Timeinterval Start Loc,Isp,Price Shortage,Price Surplus\n2024-04-10T00:00:00,1,5,4\n",
        "Timeinterval Start (UTC+1),Isp,Price Shortage,Price Surplus\n2024-04-09T23:00:00,1,5,4\n",
        '"Date","PTE","period_from","period_until","Consume","Feed"\n"04/10/2024","1","00:00","00:15","5","4"\n',
    ):
        path.write_text(text)
        assert {p.start for p in downloads.imbalance(path, asked).values} == {Period(date(2024, 4, 10)).start}


def test_an_hour_that_the_file_has_once_where_the_clock_has_it_twice_is_refused(tmp_path):
    header, row = LAYOUTS["nord pool"]
    starts = Period(date(2024, 10, 27)).starts()[::4]
    rows = [row(start, start + timedelta(hours=1), n) for n, start in enumerate(starts)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join([header, *rows[:2], *rows[3:]]) + "\n")
    with pytest.raises(TableError, match=r"line 4: '2024-10-27 02:00' may mean two moments"):
        downloads.day_ahead(path, ImportOptions(tz=TZ))
    other = ImportOptions(tz=TZ, days=(date(2024, 4, 9), date(2024, 4, 10)))  # that night is not asked for
    assert len(downloads.day_ahead(path, other).values) == 23


def test_an_hour_that_the_clock_skips_is_refused_unless_it_has_no_price(tmp_path):
    path = tmp_path / "prices.csv"
    rows = [f"2024-03-31 0{h}:00;2024-03-31 0{h + 1}:00;{'' if h == 2 else h}" for h in range(5)]
    path.write_text("start;end;price_eur_mwh\n" + "\n".join(rows) + "\n")
    reading = downloads.day_ahead(path, ImportOptions(tz=TZ))
    assert [(p.minutes, p.value) for p in reading.values] == [(60, 0), (60, 1), (60, 3), (60, 4)]
    assert reading.notes == ["prices.csv: 1 row has no price, the first in line 4"]
    path.write_text(path.read_text().replace("03:00;\n", "03:00;2\n"))
    with pytest.raises(TableError, match=r"line 4: '2024-03-31 02:00' does not exist: the clock skips it"):
        downloads.day_ahead(path, ImportOptions(tz=TZ))


@pytest.mark.parametrize(
    ("name", "cell", "hour"),
    [
        ("start (UTC)", "2024-04-10 00:00", 0), ("start (UTC+1)", "2024-04-10 01:00", 0),
        ("start (EET/EEST)", "2024-04-10 03:00", 0), ("start (MEZ/MESZ)", "2024-04-10 02:00", 0),
        ("start (Europe/London)", "2024-04-10 01:00", 0), ("start", "2024-04-10 02:00", 0),
        ("start (CET)", "2024-01-10 01:00", 0), ("start", "2024-04-10 02:00 (CEST)", 0),
        ("start (UTC)", "2024-04-10T02:00+02:00", 0),
    ],
)  # fmt: skip
def test_the_zone_of_a_column_or_cell_counts(tmp_path, name, cell, hour):
    path = tmp_path / "prices.csv"
    path.write_text(f"{name};minutes;price_eur_mwh\n{cell};60;5\n")
    (price,) = downloads.day_ahead(path, ImportOptions(tz=TZ)).values
    assert price.start.hour == hour


def test_a_column_named_cet_is_refused_where_it_may_mean_two_times(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("start (CET);minutes;price_eur_mwh\n2024-04-10 00:00;60;5\n")
    with pytest.raises(TableError, match=r"a column named CET may mean UTC\+1 or the time on the clock; rename"):
        downloads.day_ahead(path, ImportOptions(tz=TZ))
