"""Each row by itself: what is a reading, and why another is none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.dispatch.admission import REPORTED, Admission, ReadingError, admitted
from agr.domain.reading import Device, Reported

NOW = datetime(2026, 3, 28, 6, 0, tzinfo=UTC)
BOUNDS = Admission(ahead=timedelta(minutes=2), oldest=timedelta(days=31))
BATTERY = Device(
    resource="b", connection="ean.1", kind="battery", rated_kw=100.0, stores=True, capacity_kwh=200.0
)  # fmt: skip
LOAD = Device(resource="l", connection="ean.1", kind="fixed load", rated_kw=0.0, stores=False, capacity_kwh=None)
CAR = Device(resource="c", connection="ean.1", kind="ev session", rated_kw=11.0, stores=True, capacity_kwh=None)


def row(quantity, value, at=NOW):
    return Reported(resource="b", at=at, quantity=quantity, value=value)


@pytest.mark.parametrize(
    ("quantity", "value", "kept", "kept_value"),
    [
        ("power_kw", -99.5, "power_kw", -99.5),
        ("power_w", 99_500, "power_kw", 99.5),
        ("imported_kwh", 12.5, "imported_kwh", 12.5),
        ("imported_wh", 12_500, "imported_kwh", 12.5),
        ("exported_wh", 0, "exported_kwh", 0.0),
        ("stored_kwh", 130, "stored_kwh", 130.0),
        ("stored_percent", 65, "stored_kwh", 130.0),
    ],
)
def test_a_row_is_kept_in_kw_or_kwh(quantity, value, kept, kept_value):
    reading = admitted(row(quantity, value), BATTERY, NOW, BOUNDS)
    assert (reading.quantity, reading.value) == (kept, pytest.approx(kept_value))


@pytest.mark.parametrize(
    ("given_row", "device", "words"),
    [
        (row("power_kw", 5), None, "'b' is not a resource of the register"),
        (row("kw", 5), BATTERY, "'kw' is not a quantity; known are power_kw, power_w"),
        (row("power_kw", float("nan")), BATTERY, "not a finite number"),
        (row("power_kw", float("-inf")), BATTERY, "not a finite number"),
        (row("power_kw", 1, NOW + timedelta(minutes=3)), BATTERY, "lies 3 minutes in the future"),
        (row("power_kw", 1, NOW - timedelta(days=40)), BATTERY, "is 40 days old, more than readings.oldest_days"),
        (row("power_kw", 50_000), BATTERY, "more than a battery of 100 kW can do; is it in W? then name it power_w"),
        (row("power_kw", 5e9), BATTERY, "more than a battery of 100 kW can do"),
        (row("power_w", 200_000), BATTERY, "200,000 W is more than a battery of 100 kW can do"),
        (row("power_kw", 2e5), LOAD, "more than a fixed load of 100,000 kW can do"),
        (row("imported_kwh", -1), BATTERY, "a register is never negative"),
        (row("imported_kwh", 1e13), BATTERY, "more than any register shows"),
        (row("stored_kwh", -0.1), BATTERY, "a content is never negative"),
        (row("stored_kwh", 130_000), BATTERY, "more than the battery holds (200 kWh); is it in Wh or percent?"),
        (row("stored_percent", 101), BATTERY, "lies between 0 and 100"),
        (row("stored_kwh", 1), LOAD, "a fixed load stores nothing"),
        (row("stored_percent", 50), CAR, "does not say what this ev session can hold"),
    ],
)
def test_what_is_no_reading_is_refused_in_words(given_row, device, words):
    with pytest.raises(ReadingError) as refused:
        admitted(given_row, device, NOW, BOUNDS)
    assert words in str(refused.value)


@given(
    st.sampled_from([*REPORTED, "nonsense"]), st.floats() | st.integers(-(10**9), 10**9).map(float),
    st.sampled_from([BATTERY, LOAD, CAR]), st.integers(-(10**7), 10**7),
)  # fmt: skip
def test_nothing_but_a_plausible_reading_is_ever_admitted(quantity, value, device, seconds):
    try:
        reading = admitted(row(quantity, value, NOW + timedelta(seconds=seconds)), device, NOW, BOUNDS)
    except ReadingError:
        return
    assert -31 * 86_400 <= seconds <= 120
    most = {"power_kw": device.rated_kw * 1.1 + 0.1 if device.rated_kw else 1e5, "stored_kwh": 210.0}
    assert abs(reading.value) <= most.get(reading.quantity, 1e12)
    assert reading.value >= 0 or reading.quantity == "power_kw"
