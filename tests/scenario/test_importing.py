"""Users' own downloads become scenarios: in the publishers' formats, on days of clock changes, and from real files."""

import gzip
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agr import scenario
from agr.domain.errors import InputError, TableError
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions
from agr.scenario.importing import ImportRequest, import_scenario
from agr.scenario.reports.page import report_html
from agr.scenario.running import days_between, run
from tests.builders.real_downloads import real_downloads

TZ = ZoneInfo("Europe/Amsterdam")
SPRING, AUTUMN = Period(date(2024, 3, 31)), Period(date(2024, 10, 27))


def entsoe(period: Period, *, marked: bool) -> str:
    """ENTSO-E's export of a day: local times, marked with CET or CEST on days the clock changes, or not."""
    lines = ['"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"']
    for hour, start in enumerate(period.starts()[::4]):
        local = [(start + timedelta(hours=h)).astimezone(TZ) for h in (0, 1)]
        words = [f"{t:%d/%m/%Y %H:%M:%S}" + (f" ({t.tzname()})" if marked else "") for t in local]
        lines.append(f'"{words[0]} - {words[1]}","BZN|NL","Without Sequence","{hour}.5"')
        lines.append(f'"{words[0]} - {words[1]}","BZN|NL","Sequence 2","999"')
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("period", [SPRING, AUTUMN], ids=["92", "100"])
@pytest.mark.parametrize("marked", [True, False])
def test_entsoe_day_ahead_prices_on_days_the_clock_changes(tmp_path, period, marked):
    path = tmp_path / "GUI_ENERGY_PRICES.csv"
    path.write_text(entsoe(period, marked=marked))
    prices = downloads.day_ahead(path, ImportOptions(tz=TZ)).values
    assert [p.start for p in prices] == period.starts()[::4]
    assert {p.minutes for p in prices} == {60}
    assert [p.value for p in prices] == [h + 0.5 for h in range(period.isp_count // 4)]


def test_entsoe_s_older_layout_and_decimal_commas(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text(
        "MTU (CET/CEST);Day-ahead Price [EUR/MWh]\n10.04.2024 00:00 - 10.04.2024 01:00;-1,25\n"
        "10.04.2024 01:00 - 10.04.2024 02:00;1.034,5\n"
    )
    first, second = downloads.day_ahead(path, ImportOptions(tz=TZ)).values
    assert (first.start, first.value) == (datetime(2024, 4, 9, 22, tzinfo=UTC), -1.25)
    assert second.value == 1034.5


def test_fcr_results_per_block_become_prices_per_hour(tmp_path):
    """On 31 March the first block has 3 hours: 60 EUR/MW are 20 EUR/MW/h; the others have 4: 15 EUR/MW/h."""
    lines = [
        "DATE_FROM;DATE_TO;PRODUCTNAME;GERMANY_SETTLEMENTCAPACITY_PRICE_[EUR/MW];NETHERLANDS_SETTLEMENTCAPACITY_PRICE_[EUR/MW]"
    ]
    lines += [f"31.03.2024;31.03.2024;NEGPOS_{4 * b:02}_{4 * b + 4:02};1,0;60,00" for b in range(6)]
    path = tmp_path / "RESULT_OVERVIEW_CAPACITY_MARKET_FCR.csv"
    path.write_text("\n".join(lines) + "\n")
    prices = downloads.capacity(path, ImportOptions(tz=TZ, country="NL")).values
    assert [p.value for p in prices] == [20, 15, 15, 15, 15, 15]
    assert [p.minutes for p in prices] == [180, 240, 240, 240, 240, 240]
    assert prices[0].start == SPRING.start
    assert prices[-1].start + timedelta(minutes=240) == SPRING.end


def test_afrr_results_per_hour_in_both_directions(tmp_path):
    path = tmp_path / "afrr.csv"
    path.write_text(
        "DATE_FROM,TYPE_OF_RESERVES,PRODUCT,GERMANY_AVERAGE_CAPACITY_PRICE_[(EUR/MW)/h]\n"
        "2024-04-10,aFRR,POS_20_24,7.5\n2024-04-10,aFRR,NEG_20_24,3.25\n"
    )
    down, up = downloads.capacity(path, ImportOptions(tz=TZ, country="DE")).values
    assert (down.series, down.value, up.series, up.value) == ("afrr_down_capacity", 3.25, "afrr_up_capacity", 7.5)
    assert up.start == datetime(2024, 4, 10, 18, tzinfo=UTC)


@pytest.mark.parametrize("period", [SPRING, AUTUMN], ids=["92", "100"])
def test_tennet_settlement_prices_follow_the_isp_number(tmp_path, period):
    head = "Timeinterval Start Loc,Timeinterval End Loc,Isp,Currency Unit Name,Price Shortage,Price Surplus\n"
    rows = [f"{s.astimezone(TZ):%Y-%m-%dT%H:%M:%S},x,{n},EUR,{n},{-n}" for n, s in enumerate(period.starts(), start=1)]
    path = tmp_path / "settlement-prices.csv"
    path.write_text(head + "\n".join(rows) + "\n")
    prices = downloads.imbalance(path, ImportOptions(tz=TZ)).values
    short = [p for p in prices if p.series == "imbalance_shortage"]
    assert [p.start for p in short] == period.starts()
    assert [p.value for p in prices if p.series == "imbalance_surplus"] == [-n for n in range(1, period.isp_count + 1)]


ELAAD = "TransactionId;ChargePoint;Connector;UTCTransactionStart;UTCTransactionStop;TotalEnergy;MaxPower\n"


def test_a_session_list_in_elaad_s_layout(tmp_path):
    path = tmp_path / "transactions.csv"
    path.write_text(
        ELAAD + "7;cp1;2;09/04/2024 18:30;10/04/2024 06:00;12,5;3,6\n8;cp1;1;10/04/2024 8:00;10/04/2024 9:00;0;1\n"
    )
    (only,) = downloads.sessions(path, ImportOptions(tz=TZ)).values
    assert (only.charger, only.energy_kwh, only.max_kw) == ("cp1-2", 12.5, 3.6)
    assert only.start == datetime(2024, 4, 9, 18, 30, tzinfo=UTC)


def test_every_fault_of_a_download_has_its_line(tmp_path):
    path = tmp_path / "transactions.csv"
    path.write_text(ELAAD + "7;cp1;2;soon;10/04/2024 06:00;12;3\n8;cp1;1;10/04/2024 08:00;10/04/2024 07:00;5;3\n"
                    "9;cp1;1;10/04/2024 08:00;10/04/2024 09:00;much;3\n")  # fmt: skip
    with pytest.raises(TableError) as caught:
        downloads.sessions(path, ImportOptions(tz=TZ))
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        f"transactions.csv, line {n}" for n in (2, 3, 4)
    ]
    assert "'soon' is not a time; expected" in caught.value.faults[0]


def test_what_is_no_download_is_refused_in_words(tmp_path):
    for name, content, words in (
        ("a.csv", b"date,volume\n1,2\n", "found no column for time, price; there is date, volume"),
        ("a.xlsx", b"PK\x03\x04\xff\xfe", "save the sheet as CSV"),
        ("empty.csv", b"", "is not a table"),
        ("none.csv", b"utc_start,price_eur_mwh\n", "holds no usable values"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TableError, match=words):
            downloads.day_ahead(tmp_path / name, ImportOptions(tz=TZ))
    with pytest.raises(TableError, match="cannot be read"):
        downloads.day_ahead(tmp_path / "nowhere.csv", ImportOptions(tz=TZ))


def test_damaged_gzip_is_refused_in_words(tmp_path):
    whole = gzip.compress(b"utc_start,price_eur_mwh\n2024-04-10T00:00Z,1\n" * 9)
    damaged = whole[:12] + b"\xff\xff\xff" + whole[15:]
    for content in (whole[:-12], whole[:-8] + bytes(8), damaged):
        (tmp_path / "prices.csv.gz").write_bytes(content)
        with pytest.raises(TableError, match=r"cannot be read \(.*; is it damaged\? download it again"):
            downloads.day_ahead(tmp_path / "prices.csv.gz", ImportOptions(tz=TZ))


def two_days(tmp_path: Path, minutes: int = 60) -> Path:
    """Prices of 9 and 10 April 2024, packed."""
    start = Period(date(2024, 4, 9)).start
    rows = [f"{start + timedelta(minutes=minutes * n):%Y-%m-%dT%H:%M:%SZ},{n}" for n in range(2 * 1440 // minutes)]
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(gzip.compress(("utc_start,price_eur_mwh\n" + "\n".join(rows) + "\n").encode()))
    return path


def test_an_imported_scenario_runs_without_congestion_points(tmp_path, solver):
    sessions = tmp_path / "sessions.csv"
    sessions.write_text(
        ELAAD + "7;cp1;2;12/06/2019 16:30;13/06/2019 05:00;10;3,6\n8;cp2;1;12/06/2019 08:00;12/06/2019 09:00;5;3,6\n"
    )
    request = ImportRequest(
        periods=days_between("2024-04-10", "Europe/Amsterdam", 15), day_ahead=two_days(tmp_path), sessions=sessions,
        sessions_from=date(2019, 6, 12),
    )  # fmt: skip
    scenario, notes = import_scenario(tmp_path / "mine", request)
    assert [s.arrival for s in scenario.register.of(EvSession)] == [
        datetime(2024, 4, 10, 8, 0, tzinfo=UTC), datetime(2024, 4, 10, 16, 30, tzinfo=UTC)
    ]  # fmt: skip
    assert any("1 session took more energy than the highest power" in note for note in notes)
    made = run(scenario, solver=solver)
    assert [s["audit"] for s in made.steps] == [[], []]
    # The price rises by 1 EUR/MWh each hour. The second car must charge at once: 5 kWh between 10 and 11 local time.
    assert made.final("positions")["total_kw"].iloc[40:44].to_numpy() == pytest.approx(5)
    assert '"points":[]' in report_html([made])  # nothing to draw there, and nothing breaks
    assert "prices.csv.gz" in (tmp_path / "mine" / "README.md").read_text()
    with pytest.raises(InputError, match="is not empty"):
        import_scenario(tmp_path / "mine", request)


def test_sessions_of_other_days_and_missing_prices_are_said(tmp_path):
    sessions = tmp_path / "sessions.csv"
    sessions.write_text(ELAAD + "7;cp1;2;12/06/2019 16:30;13/06/2019 05:00;10;3,6\n")
    periods = days_between("2024-04-10", "Europe/Amsterdam", 15)
    with pytest.raises(InputError, match=r"has no session on 2024-04-10; it has 2019-06-12 .* use --sessions-from"):
        import_scenario(tmp_path / "a", ImportRequest(periods=periods, day_ahead=two_days(tmp_path), sessions=sessions))
    with pytest.raises(InputError, match="needs day-ahead prices"):
        import_scenario(tmp_path / "b", ImportRequest(periods=periods))
    later = days_between("2024-04-10..2024-04-11", "Europe/Amsterdam", 15)
    with pytest.raises(TableError, match="day_ahead: 96 of 96 ISPs of 2024-04-11 have no price"):
        import_scenario(tmp_path / "c", ImportRequest(periods=later, day_ahead=two_days(tmp_path)))


def test_where_resolutions_overlap_the_finer_price_counts(tmp_path):
    path = tmp_path / "both.csv"
    path.write_text(
        "utc_start,resolution_min,price_eur_mwh\n2025-09-30T21:00:00Z,60,1\n2025-09-30T22:00:00Z,60,2\n"
        "2025-09-30T22:00:00Z,15,3\n2025-09-30T22:15:00Z,15,4\n2025-09-30T22:30:00Z,15,5\n2025-09-30T22:45:00Z,15,6\n"
    )
    assert [(p.minutes, p.value) for p in downloads.day_ahead(path, ImportOptions(tz=TZ)).values] == [
        (60, 1),
        (15, 3),
        (15, 4),
        (15, 5),
        (15, 6),
    ]


def test_a_coarse_price_stays_where_no_finer_one_covers_it(tmp_path):
    """Only the third quarter of the hour has a price of its own; the other three keep the hour's."""
    path = tmp_path / "both.csv"
    path.write_text(
        "utc_start,resolution_min,price_eur_mwh\n2025-09-30T22:00:00Z,60,2\n2025-09-30T22:30:00Z,15,5\n"
        "2025-09-30T23:00:00Z,60,3\n"
    )
    found = downloads.day_ahead(path, ImportOptions(tz=TZ)).values
    assert [(p.minutes, p.value) for p in found] == [(15, 2), (15, 2), (15, 5), (15, 2), (60, 3)]


@pytest.fixture
def shared():
    return real_downloads()


def test_a_real_weekend_on_which_the_clock_changes(shared, tmp_path):
    request = ImportRequest(
        periods=days_between("2024-03-30..2024-04-01", "Europe/Amsterdam", 15),
        day_ahead=shared / "da_price_nl_hourly_2019_2025.csv.gz",
        capacity=(shared / "fcr_capacity_de_nl_4h_2020_2025.csv.gz",),
        imbalance=shared / "imbalance_price_nl_15min_2024.csv.gz",
        sessions=shared / "ev_sessions_elaadnl_public_nl_2019.csv.gz",
        sessions_from=date(2019, 6, 12),
    )
    scenario, _ = import_scenario(tmp_path / "weekend", request)
    assert [p.isp_count for p in scenario.description.periods()] == [96, 92, 96]
    assert len(scenario.register.of(EvSession)) > 50
    blocks = [
        p for p in scenario.register.prices if p.series == "fcr_capacity" and SPRING.start <= p.start < SPRING.end
    ]
    assert [p.minutes for p in blocks] == [180, 240, 240, 240, 240, 240]
    shortage = [p for p in scenario.register.prices if p.series == "imbalance_shortage"]
    assert len(shortage) == 96 + 92 + 96
    assert [p.name for p in scenario.description.markets.capacity] == ["FCR"]


def test_real_german_prices_around_the_first_of_october(shared, tmp_path):
    request = ImportRequest(
        periods=days_between("2025-09-30..2025-10-01", "Europe/Berlin", 15), country="DE",
        day_ahead=shared / "da_price_de_2025_60min_15min.csv.gz",
        capacity=(shared / "afrr_capacity_de_4h_2023_2025.csv.gz",),
    )  # fmt: skip
    scenario, _ = import_scenario(tmp_path / "october", request)
    known = [p for p in scenario.register.prices if p.series == "day_ahead" and p.start >= request.periods[0].start]
    assert [p.minutes for p in known] == [60] * 24 + [15] * 96
    assert {p.name for p in scenario.description.markets.capacity} == {"aFRR up", "aFRR down"}


def test_capacity_prices_of_another_country_are_said(tmp_path):
    path = tmp_path / "afrr.csv"
    path.write_text(
        "DATE_FROM,PRODUCT,GERMANY_AVERAGE_CAPACITY_PRICE_[(EUR/MW)/h],AUSTRIA_AVERAGE_CAPACITY_PRICE_[(EUR/MW)/h]\n"
        "2024-04-10,POS_20_24,7.5,6\n"
    )
    with pytest.raises(TableError, match="holds prices of AT, DE, none of NL; choose one of them with --country"):
        downloads.capacity(path, ImportOptions(tz=TZ, country="NL"))
    assert downloads.capacity(path, ImportOptions(tz=TZ, country="AT")).values[0].value == 6


def test_notebooks_import_downloads_too(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(entsoe(SPRING, marked=True))
    made = scenario.from_downloads(tmp_path / "mine", str(SPRING), day_ahead=path)
    assert made.description.of == SPRING
    assert any("day_ahead_forecast" in warning for warning in made.warnings)
    assert scenario.load(tmp_path / "mine").hashes == made.hashes
