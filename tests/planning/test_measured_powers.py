"""Loads and generators that deviate are carried on into the rest of the day: worked out by hand."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.register import Register
from agr.planning.measured_powers import carried_on, deviations
from tests.builders.case_inputs import PERIOD

LOAD = FixedLoad(resource="load", connection="a")
SUN = Generator(resource="sun", connection="b", curtailment_eur_per_mwh=0)
KNOWN = Register(resources=(LOAD, SUN))
FORECASTS = {("load", "power_kw"): np.full(96, 20.0), ("sun", "power_kw"): np.where(np.arange(96) < 60, -8.0, 0.0)}
QUARTER = timedelta(minutes=15)


def register_of(*kw: float, first: int = 0) -> list[tuple[datetime, float]]:
    """Return a register's readings at the borders of ISPs in which it counted so many kW, from ISP `first` on."""
    counted = np.concatenate(([1000.0], 1000.0 + np.cumsum(kw) / 4))
    return [(PERIOD.start + (first + i) * QUARTER, float(value)) for i, value in enumerate(counted)]


def found(registers, ended, programs=None):
    return deviations(KNOWN, FORECASTS, registers, programs or {}, PERIOD, ended)


def test_a_loads_mean_deviation_of_the_last_hour_fades_isp_by_isp() -> None:
    """4, 6, 8 and 6 kW more than 20 in ISPs 5 to 8: 6 kW more; half of it lasts from one ISP to the next."""
    read = {("load", "imported_kwh"): register_of(20, 20, 20, 20, 24, 26, 28, 26)}
    (one,) = found(read, 8)
    assert (one.amount, one.isps) == (pytest.approx(6.0), 8)
    notes: list[str] = []
    after = carried_on(FORECASTS, [one], 0.5, 10, notes)["load", "power_kw"]
    assert after[:10].tolist() == [20.0] * 10  # what is closed stays
    assert after[10:13] == pytest.approx([20 + 6 * 0.5**3, 20 + 6 * 0.5**4, 20 + 6 * 0.5**5])
    (note,) = notes
    assert note.startswith("1 resource measured otherwise than forecast, carried on and fading by 50% an ISP, +0.8 kW")
    assert note.endswith(" at first: load +0.8 kW")


def test_a_generators_ratio_is_carried_on_and_nothing_shines_at_night() -> None:
    """It gives 4 of 8 kW: half. With 0.9 an ISP, 0.05 is gone of the lack in the first ISP after."""
    read = {("sun", "exported_kwh"): register_of(4, 4, 4, 4)}
    (one,) = found(read, 4)
    assert one.amount == pytest.approx(-0.5)
    after = carried_on(FORECASTS, [one], 0.9, 4, [])["sun", "power_kw"]
    assert after[4] == pytest.approx(-8.0 * (1 - 0.5 * 0.9))
    assert not after[60:].any()


def test_a_generator_that_was_curtailed_is_not_judged() -> None:
    read = {("sun", "exported_kwh"): register_of(4, 4, 4, 4)}
    curtailed = {"sun": np.where(np.arange(96) < 4, -4.0, -8.0)}
    assert found(read, 4, curtailed) == []


@pytest.mark.parametrize("ended", [0, 3])
def test_isps_that_have_not_ended_or_were_not_read_do_not_count(ended: int) -> None:
    read = {("load", "imported_kwh"): register_of(90, 90, first=4)}
    assert found(read, ended) == []


def test_a_load_that_never_produced_does_not_begin_to() -> None:
    (one,) = found({("load", "imported_kwh"): register_of(0, 0, 0, 0)}, 4)
    small = {**FORECASTS, ("load", "power_kw"): np.full(96, 5.0)}
    assert carried_on(small, [one], 0.99, 4, [])["load", "power_kw"][4] == 0.0
