"""Readings: each is stored once; what is wrong with one row is said, and does not keep the others."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.errors import InputError
from agr.domain.reading import Reported
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.readings import ReadingIntake, ReadingVerdicts
from agr.store import readings
from tests.builders.worlds import NOW, PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="token")


class Bench:
    """A world with a battery and two loads whose readings are taken."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.know_points()
        self.world.know_register()
        self.readings = ReadingIntake(self.world.store, self.world.settings, self.world.clock, lambda: None)

    def take(self, *rows: Reported | str, by: Principal = ANNA) -> ReadingVerdicts:
        return self.readings.take(by, rows)

    def stored(self) -> list[tuple[str, str, float]]:
        with self.world.store.transaction() as tx:
            found = [r for name in ("battery", "load-1", "load-2") for r in readings.page(
                tx, name, NOW - timedelta(days=40), NOW + timedelta(days=1), 1000, 0)]  # fmt: skip
        return [(r.reading.resource, r.reading.quantity, r.reading.value) for r in found]

    def energies(self, period=PERIOD.previous()):  # noqa: B008 - a value
        with self.world.store.transaction() as tx:
            return self.readings.energies(tx, period, ["battery", "load-1"])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.world.store.close()


def row(quantity="stored_percent", value=50.0, minutes=-5, resource="battery"):
    return Reported(resource=resource, at=NOW + timedelta(minutes=minutes), quantity=quantity, value=value)


def states(taken):
    return [verdict.state for verdict in taken.verdicts]


def test_good_rows_are_stored_and_others_are_named_with_their_reason(bench):
    taken = bench.take(row(), row("power_kw", 4000), "value: 'x' is not a number", row(resource="nobody"))
    assert states(taken) == ["stored", "refused", "refused", "refused"]
    assert taken.text == "1 reading stored, 3 refused"
    assert [fault.row for fault in taken.faults] == [1, 2, 3]
    assert "is it in W?" in taken.faults[0].reason
    assert bench.stored() == [("battery", "stored_kwh", 100.0)]


def test_the_same_row_again_is_known_and_another_value_is_refused(bench):
    assert states(bench.take(row(), row())) == ["stored", "known"]
    again = bench.take(row(), row("stored_kwh", 100.0), row("stored_kwh", 90.0))
    assert states(again) == ["known", "known", "refused"]
    assert "is known as 100, not 90; a reading is never changed" in again.faults[0].reason
    assert again.text == "0 readings stored, 2 known already, 1 refused"
    assert bench.stored() == [("battery", "stored_kwh", 100.0)]


def test_a_register_that_jumps_or_runs_backwards_is_set_aside_until_it_is_confirmed(bench):
    rows = [row("imported_kwh", 500 + i, minutes=-120 + 15 * i) for i in range(4)]
    bench.take(*rows)
    taken = bench.take(row("imported_kwh", 3.0, minutes=-45), row("power_kw", 3.0, minutes=-45))
    assert states(taken) == ["aside", "stored"]
    assert "runs backwards" in taken.faults[0].reason
    assert states(bench.take(row("imported_kwh", 5.0, minutes=-30))) == ["stored"]
    isp = PERIOD.previous().isp_of(NOW - timedelta(minutes=120)) - 1
    found = bench.energies()["battery"]
    assert found.kwh[isp : isp + 3] == pytest.approx([1.0] * 3)
    assert found.kwh[isp + 5] == pytest.approx(2.0)  # the new meter
    assert found.quality_words()[isp : isp + 6] == ["measured"] * 3 + ["missing"] * 2 + ["measured"]


def test_energy_does_not_depend_on_the_order_in_which_rows_arrive(bench, tmp_path):
    rows = [row("imported_kwh", 500 + i * 2, minutes=-300 + 20 * i) for i in range(15)]
    rows[7] = row("imported_kwh", 9_999.0, minutes=-300 + 20 * 7)
    bench.take(*rows)
    other = Bench(tmp_path / "other")
    shuffled = random.Random(5).sample(rows, len(rows))
    for one in shuffled:
        other.take(one)
    one, same = bench.energies()["battery"], other.energies()["battery"]
    other.world.store.close()
    assert one.quality_words() == same.quality_words()
    assert one.kwh == pytest.approx(same.kwh, nan_ok=True)
    assert "interpolated" in one.quality_words()


def test_who_acts_for_other_dsos_may_not_report(bench):
    by = Principal(
        name="ben", role="operator", allowed=ROLES["operator"], via="token", dsos=frozenset({"other.example"})
    )
    taken = bench.take(row(), by=by)
    assert states(taken) == ["refused"]
    assert "ben acts for other.example only" in taken.faults[0].reason
    assert not bench.stored()


def test_no_rows_are_refused(bench):
    with pytest.raises(InputError, match="there are no readings"):
        bench.take()


def test_thousands_of_rows_over_weeks_are_taken_at_once(bench):
    rows = [row("imported_kwh", i * 0.5, minutes=-15 * (2000 - i)) for i in range(2000)]
    assert states(bench.take(*rows)) == ["stored"] * 2000
    assert states(bench.take(*rows)) == ["known"] * 2000
    day = PERIOD.previous().previous()
    assert bench.energies(day)["battery"].quality_words() == ["measured"] * day.isp_count


def test_a_day_with_92_isps_is_measured_as_a_whole(bench):
    bench.world.clock.jump_to(PERIOD.end + timedelta(hours=1))
    rows = [
        Reported(resource="load-1", at=border, quantity="imported_wh", value=1000.0 + 250.0 * i)
        for i, border in enumerate([*PERIOD.starts(), PERIOD.end])
    ]
    assert states(bench.take(*rows)) == ["stored"] * 93
    found = bench.energies(PERIOD)["load-1"]
    assert found.kwh.tolist() == pytest.approx([0.25] * 92)
    assert found.quality_words() == ["measured"] * 92


def test_wh_given_as_kwh_are_set_aside_and_counted_nowhere(bench):
    rows = [row("imported_kwh", 500_000 + 2000 * i, minutes=-60 + 15 * i) for i in range(4)]
    bench.take(rows[0])
    assert states(bench.take(*rows[1:])) == ["aside"] * 3
    assert set(bench.energies()["battery"].quality_words()) == {"missing"}
