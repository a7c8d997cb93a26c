"""The peak with which a day begins: planned or measured the day before, and checked by the audit of the case."""

from dataclasses import replace
from datetime import date, time, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from agr.domain.register import ConnectionTariff
from agr.planning.case import Inputs, build
from agr.planning.case_audit import audit_case, audit_peaks, peaks_left
from agr.planning.difference import Solved, binding
from agr.planning.inputs import carried_on
from agr.planning.midnight import leaves_otherwise, left_by
from agr.planning.paying import tariffs_at
from agr.planning.peaks import measured_kw
from models.method import Method, solve
from tests.planning.test_tariffs_of_tables import PERIOD, tariff, world

NIGHT = tariff("a", peak_eur_per_kw=0.02, peak_reached_kw=1.0, window_start=time(22), window_end=time(6))
DAY = tariff("a", peak_eur_per_kw=0.05, peak_reached_kw=4.0)
NEXT = PERIOD.next()


@pytest.fixture(scope="module")
def earlier() -> Solved:
    """House a draws 2 kW all day; its car needs 10 kWh in two hours: 7 kW then, 5 kW more."""
    named = build(world(DAY, NIGHT))
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-8, threads=1)
    assert outcome.peak_kw == pytest.approx([7.0, 2.0], abs=1e-4)
    return Solved(named=named, outcome=outcome)


def tomorrow(earlier: Solved, *rows: ConnectionTariff, period=NEXT, measured=None) -> Inputs:
    """Return the inputs of the day after, with what a plan leaves; the audit agrees with them."""
    facts = replace(world(*rows), period=period)
    carried = carried_on(facts, earlier, measured)
    left = peaks_left(facts, period.previous(), earlier.named, earlier.outcome, measured or {})
    assert audit_peaks(carried, left) == ()
    return carried


def test_the_next_day_begins_with_the_highest_import_of_the_plan_in_each_window(earlier: Solved) -> None:
    inputs = tomorrow(earlier, DAY, NIGHT)
    assert [inputs.peaks_reached_kw[row] for row in (DAY, NIGHT)] == pytest.approx([7.0, 2.0], abs=1e-4)
    named = build(inputs)
    assert named.case.connection_tariffs.peak_reached_kw == pytest.approx([7.0, 2.0], abs=1e-4)
    assert audit_case(inputs, named) == ()
    tariffs = replace(named.case.connection_tariffs, peak_reached_kw=np.array([4.0, 1.0]))
    forgotten = replace(named, case=replace(named.case, connection_tariffs=tariffs))
    assert any("peak charges are not what the tables give" in words for words in audit_case(inputs, forgotten))


def test_unmanaged_programs_go_on_from_what_they_have_reached_themselves(earlier: Solved) -> None:
    # the car charges with all it has when it comes: 11 kW beside the load of 2, where the plan has 7 in all
    inputs = tomorrow(earlier, DAY, NIGHT)
    assert [inputs.unmanaged_peaks_reached_kw[row] for row in (DAY, NIGHT)] == pytest.approx([13.0, 2.0])
    named = build(inputs)
    tariffs = named.case.connection_tariffs
    assert tariffs.unmanaged_reached_kw == pytest.approx([13.0, 2.0])
    assert tariffs.unsteered().peak_reached_kw == pytest.approx([13.0, 2.0])
    outcome = solve(named.case, method=Method.REFERENCE, relative_gap=1e-8, threads=1)
    third = tomorrow(Solved(named=named, outcome=outcome), DAY, NIGHT, period=NEXT.next())
    assert third.unmanaged_peaks_reached_kw[DAY] == pytest.approx(13.0)
    forgotten = replace(named, case=replace(named.case, connection_tariffs=tariffs.unsteered()))
    assert any("peak charges are not what the tables give" in words for words in audit_case(inputs, forgotten))


def test_what_was_entered_counts_where_it_is_higher(earlier: Solved) -> None:
    more = replace(DAY, peak_reached_kw=9.0)
    assert build(tomorrow(earlier, more)).case.connection_tariffs.peak_reached_kw.tolist() == [9.0]


@pytest.mark.parametrize(
    "row", [replace(DAY, peak_period="day"), replace(DAY, first_day=NEXT.day), replace(DAY, peak_eur_per_kw=0.06)]
)
def test_another_billing_period_or_another_row_begins_with_what_was_entered(row, earlier: Solved) -> None:
    assert tomorrow(earlier, row).peaks_reached_kw == {}


@pytest.mark.parametrize(("period", "goes_on"), [("month", False), ("year", True), ("day", False)])
def test_a_month_ends_and_a_year_does_not(period: str, goes_on: bool) -> None:
    assert replace(DAY, peak_period=period).goes_on(date(2026, 2, 1)) == goes_on
    assert not replace(DAY, peak_period=period, first_day=date(2020, 1, 1)).goes_on(date(2026, 1, 1))


def test_the_audit_finds_a_peak_that_the_day_before_did_not_leave(earlier: Solved) -> None:
    inputs = tomorrow(earlier, DAY, NIGHT)
    left = peaks_left(inputs, PERIOD, earlier.named, earlier.outcome, {})
    (wrong,) = audit_peaks(replace(inputs, peaks_reached_kw={**inputs.peaks_reached_kw, DAY: 8.0}), left)
    assert wrong == "peak charge at a: begins with 8.00 kW reached, the day before leaves 7.00 kW"
    assert len(audit_peaks(replace(inputs, peaks_reached_kw={}), left)) == 2
    assert len(audit_peaks(inputs, {})) == 2


def test_a_measured_import_counts_in_the_place_of_the_planned_one(earlier: Solved) -> None:
    """All of house a is measured from 18:00 to 18:30, at 1 and then 9.5 kW; before that only its load is."""
    quarter, start = timedelta(minutes=15), PERIOD.start + timedelta(hours=18)
    read = {
        ("home", "imported_kwh"): [(start + i * quarter, 100.0 + 0.5 * i) for i in range(-8, 3)],
        ("ev1", "imported_kwh"): [(start, 50.0), (start + quarter, 49.75 + 0.25), (start + 2 * quarter, 51.875)],
    }
    reader = SimpleNamespace(registers=lambda names, since, upto: {k: v for k, v in read.items() if k[0] in names})
    register = world(DAY).register
    found = measured_kw(reader, register, NEXT, start + 2 * quarter)
    assert found["a"][72:74] == pytest.approx([2.0, 9.5])
    assert np.isnan(np.delete(found["a"], [72, 73])).all()
    assert tomorrow(earlier, DAY, measured=found).peaks_reached_kw[DAY] == pytest.approx(9.5)
    low = {"a": np.full(96, 3.0)}
    assert tomorrow(earlier, DAY, measured=low).peaks_reached_kw[DAY] == pytest.approx(4.0)  # as entered before
    assert measured_kw(reader, register, NEXT, PERIOD.start) == {}


def test_tomorrow_is_planned_again_where_today_reaches_another_peak(earlier: Solved) -> None:
    left = left_by(earlier)
    assert leaves_otherwise(left, left) == ""
    higher = replace(left, peaks_kw={name: kw + 1 for name, kw in left.peaks_kw.items()})
    assert "highest import of a in its peak charge 1 7 → 8" in leaves_otherwise(left, higher)


def test_the_isps_that_make_a_peak_are_told_so_with_its_price(earlier: Solved) -> None:
    evening, noon, night = ([str(cause) for cause in binding(earlier, 0, isp)] for isp in (75, 48, 4))
    assert evening == ["peak of a, 7.00 kW, 4.00 kW reached before, at 0.05 per kW"]
    assert noon == []
    assert night == ["peak of a, 2.00 kW, 1.00 kW reached before, at 0.02 per kW"]
    reached = replace(earlier.named.case.connection_tariffs, peak_reached_kw=np.array([7.0, 2.0]))
    case = replace(earlier.named.case, connection_tariffs=reached)
    later = Solved(named=replace(earlier.named, case=case), outcome=earlier.outcome)
    assert binding(later, 0, 75) == binding(later, 0, 4) == []  # what was reached costs nothing


def test_the_tariff_of_an_isp_is_told_as_the_connection_pays_it(earlier: Solved) -> None:
    assert list(tariffs_at(earlier, 0, 75)) == []
    paid = tariff("a", import_eur_per_mwh=100.0, export_eur_per_mwh=60.0)
    named = build(world(paid, DAY, NIGHT))
    (drawn,) = tariffs_at(Solved(named=named, outcome=earlier.outcome), 0, 75)
    assert (drawn.what, drawn.eur_per_mwh) == ("tariff of a: import costs, on top of the market", 100.0)
    outcome = replace(
        earlier.outcome,
        programs=replace(earlier.outcome.programs, discharge_kw=earlier.outcome.programs.discharge_kw + 99),
    )
    (given,) = tariffs_at(Solved(named=named, outcome=outcome), 0, 75)
    assert (given.what, given.eur_per_mwh) == ("tariff of a: export earns, on top of the market", 60.0)
