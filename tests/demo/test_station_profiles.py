"""Which limit a station's profiles set: pointwise by hand, and as the composite schedule tells it."""

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agr.demo.counterparties as counterparties

START = datetime(2026, 3, 28, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def rules() -> Iterator[ModuleType]:
    """The stations' own module; a process of its own knows its folder only, and so do we here."""
    folder = str(Path(counterparties.__file__).with_name("parties"))
    sys.path.insert(0, folder)
    yield importlib.import_module("station_profiles")
    sys.path.remove(folder)


def source(number: int, level: int, purpose: str, periods: list[tuple[int, float]], **more: Any) -> dict[str, object]:
    schedule = {
        "start_schedule": (START + timedelta(seconds=int(more.pop("shift", 0)))).isoformat(),
        "duration": more.pop("duration", None), "charging_rate_unit": more.pop("unit", "W"),
        "charging_schedule_period": [{"start_period": start, "limit": limit} for start, limit in periods],
    }  # fmt: skip
    return {
        "id": number, "stack_level": level, "charging_profile_purpose": purpose, "charging_profile_kind": "Absolute",
        "charging_schedule": [schedule], **more,
    }  # fmt: skip


def outlet(rules: ModuleType, transaction: str | None = "t", phases: int = 3) -> object:
    return rules.Outlet(evse=1, volts=230, phases=phases, max_w=11_040, transaction=transaction, session_start=START)


def at(rules: ModuleType, profiles: list[object], minutes: float, **more: Any) -> float | None:
    return rules.limit_w(profiles, outlet(rules, **more), START + timedelta(minutes=minutes))


def test_the_transactions_profile_counts_before_the_default_and_the_maximum_bounds_both(rules: ModuleType) -> None:
    profiles = [
        rules.profile_of(0, source(1, 0, "ChargingStationMaxProfile", [(0, 9000)])),
        rules.profile_of(1, source(2, 0, "TxDefaultProfile", [(0, 3000)])),
        rules.profile_of(1, source(3, 5, "TxDefaultProfile", [(0, 6000)], duration=1800)),
        rules.profile_of(1, source(4, 1, "TxProfile", [(0, 10_000)], duration=900, transaction_id="t")),
        rules.profile_of(1, source(5, 9, "TxProfile", [(0, 1)], transaction_id="another")),
        rules.profile_of(2, source(6, 9, "TxDefaultProfile", [(0, 2)])),
    ]
    assert [at(rules, profiles, minutes) for minutes in (0, 14.9, 15, 29, 30, 600)] == [
        9000,
        9000,
        6000,
        6000,
        3000,
        3000,
    ]
    assert at(rules, profiles, 1, transaction=None) == 6000
    assert at(rules, profiles, -1) is None
    assert at(rules, [], 0) is None


def test_amperes_are_per_phase_that_both_have(rules: ModuleType) -> None:
    default = [rules.profile_of(1, source(1, 0, "TxDefaultProfile", [(0, 10)], unit="A"))]
    assert at(rules, default, 0) == 6900
    assert at(rules, default, 0, phases=1) == 2300


@given(st.data())
def test_the_composite_schedule_is_the_limit_at_every_moment(rules: ModuleType, data: st.DataObject) -> None:
    def drawn(number: int) -> object:
        starts = sorted({0, *data.draw(st.lists(st.integers(1, 7000), max_size=4))})
        periods = [(start, float(data.draw(st.integers(0, 12_000)))) for start in starts]
        purpose = data.draw(st.sampled_from(["ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"]))
        duration = data.draw(st.none() | st.integers(1, 9000))
        shift, level = data.draw(st.integers(-4000, 4000)), data.draw(st.integers(0, 3))
        more = {"transaction_id": "t"} if purpose == "TxProfile" else {}
        return rules.profile_of(1, source(number, level, purpose, periods, shift=shift, duration=duration, **more))

    profiles = [drawn(number) for number in range(data.draw(st.integers(0, 5)))]
    said = rules.composite(profiles, outlet(rules), START, 7200, "W")
    starts = [start for start, _ in said]
    assert starts == sorted(set(starts))
    for second in data.draw(st.lists(st.integers(0, 7199), min_size=1, max_size=20)):
        limit = rules.limit_w(profiles, outlet(rules), START + timedelta(seconds=second))
        told = next(limit for start, limit in reversed(said) if start <= second)
        assert told == (11_040 if limit is None else min(limit, 11_040))
