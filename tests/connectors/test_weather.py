"""Weather forecasts as Open-Meteo and the DWD write them; the answers are written by hand from their documentation."""

import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from agr.connectors.ports import open_source
from agr.connectors.weather.mosmix import read_mosmix
from agr.connectors.weather.open_meteo import read_open_meteo
from agr.domain.errors import FeedError, SettingsError
from agr.domain.isp import Period
from agr.settings import WeatherFeed, load
from tests.builders.http_server import Told, serving

DAY = Period(date(2026, 3, 29))  # the clock is set forward
UNITS = {"time": "iso8601", "temperature_2m": "°C", "wind_speed_10m": "km/h", "shortwave_radiation": "W/m²"}


def open_meteo(times, *, offset=0, units=UNITS, **variables):
    whole = {"utc_offset_seconds": offset, "timezone": "GMT", "hourly_units": units}
    return json.dumps(whole | {"hourly": {"time": times, **variables}})


def mosmix(steps=("2026-03-29T10:00:00.000Z", "2026-03-29T11:00:00.000Z"), head="", **elements):
    given = elements or {"TTT": "283.15 -", "FF": "4.00 5.50", "Rad1h": "360.00 1800.00", "N": "12.00 80.00"}
    forecasts = "".join(
        f'<dwd:Forecast dwd:elementName="{name}"><dwd:value>  {values}</dwd:value></dwd:Forecast>'
        for name, values in given.items()
    )
    times = "".join(f"<dwd:TimeStep>{step}</dwd:TimeStep>" for step in steps)
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<kml:kml xmlns:dwd="https://opendata.dwd.de/weather/lib/pointforecast_dwd_extension_V1_0.xsd"
  xmlns:kml="http://www.opengis.net/kml/2.2"><kml:Document><kml:ExtendedData><dwd:ProductDefinition>
<dwd:IssueTime>2026-03-28T03:00:00.000Z</dwd:IssueTime><dwd:ForecastTimeSteps>{times}</dwd:ForecastTimeSteps>
</dwd:ProductDefinition></kml:ExtendedData><kml:Placemark><kml:name>10315</kml:name><kml:ExtendedData>{forecasts}
</kml:ExtendedData></kml:Placemark></kml:Document></kml:kml>""".encode()


def packed(*files):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"MOSMIX_L_{number}.kml", content)
    return whole.getvalue()


def rows(outlook):
    return [(one.start, one.value) for one in outlook.rows]


def at(hour, minute=0):
    return datetime(2026, 3, 29, hour, minute, tzinfo=UTC)


def test_open_meteo_s_local_times_have_one_offset_whatever_the_clock_does():
    times = ["2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T03:00"]
    (found,) = read_open_meteo("w", "Utrecht", open_meteo(times, offset=3600, temperature_2m=[5, 5.5, 6]))
    assert found.series == "weather temperature_c Utrecht"
    assert rows(found) == [(at(0), 5.0), (at(1), 5.5), (at(2), 6.0)]


def test_open_meteo_s_units_are_turned_into_ours_and_radiation_is_that_of_the_hour_before():
    seconds = [int(at(12).timestamp()), int(at(13).timestamp())]
    text = open_meteo(
        seconds, offset=7200, units=UNITS | {"time": "unixtime", "temperature_2m": "°F"},
        temperature_2m=[50, None], wind_speed_10m=[36, 18], shortwave_radiation=[400, 500], rain=[0, 0],
    )  # fmt: skip
    temperature, wind, sun = read_open_meteo("w", "x", text)
    assert rows(temperature) == [(at(12), pytest.approx(10))]
    assert rows(wind) == [(at(12), pytest.approx(10)), (at(13), pytest.approx(5))]
    assert rows(sun) == [(at(11), 400.0), (at(12), 500.0)]
    assert [one.refused for one in (temperature, wind, sun)] == [(), (), ()]


def test_bad_values_of_open_meteo_are_refused_one_by_one_and_unknown_units_as_a_whole():
    times = ["2026-03-29T01:00", "soon", "2026-03-29T03:00"]
    text = open_meteo(
        times, units=UNITS | {"wind_speed_10m": "furlongs"}, temperature_2m=["5", 1, 6], wind_speed_10m=[1, 2, 3]
    )
    temperature, wind = read_open_meteo("w", "x", text)
    assert rows(temperature) == [(at(3), 6.0)]
    assert temperature.refused == (
        "'soon' is not a time; expected like 2026-03-29T14:00",
        "temperature_2m at 2026-03-29T01:00:00+00:00 is '5', no number",
    )
    assert wind.rows == ()
    assert wind.refused == ("wind_speed_10m is in 'furlongs'; expected one of m/s, km/h, mp/h, kn",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>", "not JSON"),
        ("[]", "not the object of one place"),
        ('{"error": true, "reason": "too many requests"}', "the source refuses: too many requests"),
        ('{"utc_offset_seconds": 0}', "no hourly"),
        (open_meteo(["2026-03-29T01:00"], offset=None, temperature_2m=[1]), "utc_offset_seconds is None"),
        (open_meteo(["2026-03-29T01:00"], temperature_2m=[1, 2]), "not a list of 1 values"),
        (open_meteo(["2026-03-29T01:00"], rain=[1]), "hourly has none of temperature_2m"),
    ],
)
def test_answers_that_are_no_forecast_of_open_meteo_are_refused(text, words):
    with pytest.raises(FeedError, match=f"feed w: .*{words}"):
        read_open_meteo("w", "x", text)


@pytest.mark.parametrize("content", [mosmix(), packed(mosmix())], ids=["KML", "KMZ"])
def test_mosmix_is_read_in_kelvin_and_kilojoules_with_its_moment(content):
    temperature, wind, sun = read_mosmix("w", "Münster", content)
    assert rows(temperature) == [(at(10), pytest.approx(10))]
    assert rows(wind) == [(at(10), 4.0), (at(11), 5.5)]
    assert rows(sun) == [(at(9), pytest.approx(100)), (at(10), pytest.approx(500))]
    assert {one.issued for one in (temperature, wind, sun)} == {datetime(2026, 3, 28, 3, tzinfo=UTC)}
    assert sun.series == "weather sun_w_m2 Münster"


def test_a_bad_value_of_mosmix_is_refused_and_the_others_are_kept():
    (found,) = read_mosmix("w", "x", mosmix(TTT="cold 280.15"))
    assert rows(found) == [(at(11), pytest.approx(7))]
    assert "TTT at 2026-03-29T10:00:00.000Z is cold" in found.refused[0]


ENTITY = '<!DOCTYPE kml [<!ENTITY a "283.15 283.15">]>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a forecast", "neither KML nor KMZ"),
        (mosmix(head=ENTITY), "declares a document type"),
        (packed(mosmix(), mosmix()), "holds 2 files"),
        (packed(mosmix())[:200], "cannot be unpacked"),
        (mosmix(TTT="283.15"), "TTT has 1 values for 2 time steps"),
        (mosmix(N="1 2"), "none of the elements TTT, FF, Rad1h"),
        (mosmix().replace(b"IssueTime", b"Issued"), "has no IssueTime"),
        (mosmix().replace(b"2026-03-28T03:00:00.000Z", b"yesterday"), "IssueTime 'yesterday' is not an instant"),
    ],
)
def test_answers_that_are_no_forecast_of_mosmix_are_refused(content, words):
    with pytest.raises(FeedError, match=f"feed w: .*{words}"):
        read_mosmix("w", "x", content)


def test_mosmix_that_unpacks_to_more_than_a_forecast_can_hold_is_refused():
    with pytest.raises(FeedError, match=r"feed w: .*larger than 64 MiB"):
        read_mosmix("w", "x", packed(b"0" * ((64 << 20) + 1)))


def test_a_feed_of_weather_is_asked_as_configured(tmp_path, monkeypatch):
    monkeypatch.setenv("WEATHER_KEY", "k1")
    asked = []

    def answer(request):
        asked.append((request.target, request.headers["x-key"]))
        return Told(status=200, body=packed(mosmix()))

    with serving(answer) as url:
        (tmp_path / "agr.toml").write_text(
            'domain = "agr.example.com"\n[[feeds]]\napi = "weather"\nname = "dwd"\n'
            'layout = "mosmix"\nplace = "Essen"\n'
            f'url = "{url}/{{period}}.kmz"\nheader_env = {{ X-Key = "WEATHER_KEY" }}\n'
        )
        (feed,) = load(tmp_path / "agr.toml").feeds
        found = open_source(feed).fetch(DAY).outlooks
    assert asked == [("/2026-03-29.kmz", "k1")]
    assert [one.series.split()[1] for one in found] == ["temperature_c", "wind_m_s", "sun_w_m2"]


def test_a_wrong_layout_or_placeholder_is_found_with_the_settings(tmp_path):
    text = (
        'domain = "a.b"\n[[feeds]]\napi = "weather"\nname = "w"\nlayout = "LAYOUT"\nplace = "x"\nurl = "http://x/URL"\n'
    )
    for layout, url, words in (("grib", "", "layout"), ("mosmix", "{day}", "placeholder {day}")):
        (tmp_path / "agr.toml").write_text(text.replace("LAYOUT", layout).replace("URL", url))
        with pytest.raises(SettingsError, match=words):
            load(tmp_path / "agr.toml")


def test_radiation_ends_at_its_time():
    assert WeatherFeed(name="w", layout="mosmix", place="x", url="http://x/y").brings_series is False
    (found,) = read_mosmix("w", "x", mosmix(Rad1h="0.00 3.60"))
    assert found.rows[1].start + timedelta(hours=1) == at(11)
