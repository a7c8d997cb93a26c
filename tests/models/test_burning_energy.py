"""At negative prices a lossy battery earns by what it loses: its directions are whole numbers, alike in every ISP.

The best order of hundreds of like ISPs takes hours to prove, for less than a cent. The search ends where it gets no
further, says that the gap is open, and keeps at least what it began with.
"""

import re

import pytest

from models.method import Method, solve
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import make, storage

LIMIT_S = 600.0
PRICE = -50.0  # EUR/MWh


def burning():
    """A battery of 10 kWh that loses 5 % of what it charges and what it discharges, and 1 % a day."""
    battery = storage(
        96, charge_kw=5.0, discharge_kw=5.0, eta_c=0.95, eta_d=0.95, retention=0.99 ** (1 / 96), high=10.0, start=5.0
    )
    return make(96, battery, hours=0.25, price=PRICE)


@pytest.fixture(scope="module")
def found():
    return solve(burning(), method=Method.AUTO, enough_gap=1e-3, time_limit_s=LIMIT_S, threads=1)


def test_a_search_that_gets_no_further_ends_long_before_its_limit_and_says_why(found):
    assert found.termination is Termination.GAP_OPEN
    assert "HiGHS hardly narrowed the gap any more" in found.log


def test_burning_energy_earns_what_a_count_of_quarters_says(found):
    """A share s of the day charges 5 kW, the rest discharges 5 kW, and the 5 kWh that are free at first get filled.

    24 h · (5 · 0.95 · s − 5/0.95 · (1 − s)) = 5 kWh at s = 0.5464, which takes 24 · 5 · (2·s − 1) = 11.14 kWh in all,
    worth 0.5572 EUR. What a day loses by itself, 1 % of at most 10 kWh, adds 0.1 kWh at most; whole quarters cost less.
    """
    share = (5 / 24 + 5 / 0.95) / (5 * 0.95 + 5 / 0.95)
    earned = 24 * 5 * (2 * share - 1) * -PRICE / 1000
    assert earned == pytest.approx(0.5572, abs=1e-4)
    assert found.objective_eur == pytest.approx(earned, rel=0.01)
    assert found.objective_eur <= found.bound_eur <= 1.01 * found.objective_eur
    both = (found.programs.charge_kw > 1e-6) & (found.programs.discharge_kw > 1e-6)
    assert not both.any()


def test_the_reference_begins_with_the_program_it_is_given_not_with_its_relaxation_rounded(found):
    """Left open, all directions would mix: the rest solved again was worth half of the program known before."""
    log = reference(burning(), time_limit_s=LIMIT_S, threads=1, incumbent=found).log
    known = next(line for line in log if line.startswith("whole numbers of the program known before"))
    (worth,) = re.findall(r"best program (\S+) EUR", known)
    assert float(worth) >= found.objective_eur - 1e-6
