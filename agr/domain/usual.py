"""Which magnitudes are usual: beyond them a value was probably meant in another unit. Pure; nothing is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Usual:
    """The magnitudes that a value has, 0 apart; what lies outside is doubted, not refused."""

    unit: str  # "" for a share
    least: float = 0.0
    most: float = float("inf")
    small: tuple[float, str] = (1000.0, "")
    """(factor, unit) for a value below `least`: it was probably given in this unit, and times the factor it is what was
meant; "": the unit is not named"""
    large: tuple[float, str] = (1000.0, "")
    """(divisor, unit) for a value above `most`: it was probably given in this unit, and divided by the divisor it is
    what was meant"""

    def words(self, value: float) -> str:
        """Say what is doubtful about a value and what it would mean, empty if nothing is."""
        size = abs(value)
        if 0 < size < self.least:
            (factor, given), bound = self.small, f"very little (usual: from {self.least:g})"
            meant = value * factor
        elif size > self.most:
            (factor, given), bound = self.large, f"very much (usual: to {self.most:g})"
            meant = value / factor
        else:
            return ""
        as_given = f" ({value:g} {given})" if given else ""
        return f"{self._shown(value)} is {bound}; did you mean {self._shown(meant)}{as_given}?"

    def _shown(self, value: float) -> str:
        return f"{value:g} {self.unit}".rstrip()


def share_words(
    value: float, unit: str, whole: float, of: str, least_share: float, *, exceeds: float = 1.0
) -> str:  # fmt: skip
    """Say what is doubtful about a value above 0 that is next to nothing of a whole it may fill; empty if nothing is.

    `of` names the whole. A value that would be more than `exceeds` times the whole if it were meant a thousand times
    larger is not doubted.
    """
    if not (0 < value < least_share * whole and value * 1000 <= exceeds * whole * (1 + 1e-9)):
        return ""
    said = f"{value:g} {unit} is {value / whole:.2g} of {of} {whole:g} {unit}"
    return f"{said}; did you mean {value * 1000:g} {unit}?"


COST = Usual(unit="EUR/MWh", most=1_000.0)
"""Cost of curtailment, and worth of stored energy: 1,000 EUR/MWh is 1 EUR/kWh."""
PENALTY = Usual(unit="EUR/MWh", least=20.0, most=20_000.0, small=(1000.0, "EUR/kWh"))
"""Penalties exceed the price of energy: they are about 50 to 5,000 EUR/MWh, or 0.1 to 5 EUR/kWh."""
ENERGY_PRICE = Usual(unit="EUR/MWh", least=2.0, most=5_000.0, small=(1000.0, "EUR/kWh"))
"""Price of energy ordered under a contract; the day-ahead auction (SDAC) is limited to 4,000 to 5,000 EUR/MWh."""
FEE = Usual(unit="EUR/MW/h", least=0.05, most=500.0, small=(1000.0, "EUR/kW/h"))
"""Fees for being available are 1 to 50 EUR/MW per hour, or 0.001 to 0.05 EUR/kW per hour."""
CAPACITY_PRICE = Usual(unit="EUR/MW", least=0.1, most=2_000.0, small=(1000.0, "EUR/kW"))
"""Highest price of a series, per hour or block: FCR and aFRR are paid 1 to 500 EUR/MW."""
EFFICIENCY = Usual(unit="", least=0.3, small=(100.0, "percent"))
"""Efficiency in one direction; stores of hydrogen have the lowest."""

USUAL: dict[str, dict[str, Usual]] = {
    "generators": {"curtailment_eur_per_mwh": COST},
    "batteries": {
        "charge_efficiency": EFFICIENCY,
        "discharge_efficiency": EFFICIENCY,
        "loss_per_day": Usual(unit="a day", least=3e-4, most=0.2, small=(100.0, ""), large=(100.0, "percent")),
        "end_worth_eur_per_mwh": COST,
    },
    "ev_sessions": {
        "energy_kwh": Usual(unit="kWh", least=0.2, small=(1000.0, "MWh")),  # two kilometres
        "initial_kwh": Usual(unit="kWh", least=0.1, small=(1000.0, "MWh")),
        "capacity_kwh": Usual(unit="kWh", least=0.2, small=(1000.0, "MWh")),
        "charge_min_kw": Usual(unit="kW", least=0.5, small=(1000.0, "MW")),  # 6 A on one phase are 1.4 kW
        "discharge_kw": Usual(unit="kW", least=0.5, small=(1000.0, "MW")),
        "charge_efficiency": EFFICIENCY,
        "discharge_efficiency": EFFICIENCY,
    },
    "heat_pumps": {
        "loss_per_day": Usual(unit="a day", least=2e-3, most=0.9, small=(100.0, ""), large=(100.0, "percent")),
        "end_worth_eur_per_mwh": COST,
    },
    "switched_loads": {
        "min_run_minutes": Usual(unit="minutes", least=5.0, most=1440.0, small=(60.0, "hours"), large=(60.0, "s")),
        "min_rest_minutes": Usual(unit="minutes", least=5.0, most=1440.0, small=(60.0, "hours"), large=(60.0, "s")),
        "initial_minutes": Usual(unit="minutes", least=1.0, most=100_000.0, small=(60.0, "hours"), large=(60.0, "s")),
        "start_eur": Usual(unit="EUR", least=1e-4),
    },
    "contracts": {
        "availability_eur_per_mw_h": FEE,
        "penalty_eur_per_mwh": PENALTY,
        "price_eur_per_mwh": ENERGY_PRICE,
    },
    "limits": {"penalty_eur_per_mwh": PENALTY},
    "connection_limits": {"penalty_eur_per_mwh": PENALTY},
    "charge_points": {
        "max_kw": Usual(unit="kW", least=0.5, small=(1000.0, "MW")),
        "min_kw": Usual(unit="kW", least=0.5, small=(1000.0, "MW")),
    },
    "connection_tariffs": {"peak_reached_kw": Usual(unit="kW", least=0.1, small=(1000.0, "MW"))},
}
"""Table → column → the range that is usual in it, whatever the rest of the row says."""

PEAK: dict[str, Usual] = {
    "day": Usual(unit="EUR/kW", least=0.01, most=10.0, small=(1000.0, ""), large=(1000.0, "EUR/MW")),
    "month": Usual(unit="EUR/kW", least=0.05, most=200.0, small=(1000.0, ""), large=(1000.0, "EUR/MW")),
    "year": Usual(unit="EUR/kW", least=0.5, most=1_000.0, small=(1000.0, ""), large=(1000.0, "EUR/MW")),
}
"""Billing period → what a kW of its highest import usually costs."""
MOST_START_EUR_PER_KW = 5.0
"""Highest usual cost of starting a switched load, EUR per kW: a start wears it by cents per kW."""
LEAST_STORED, LEAST_RESERVE, LEAST_BESIDE = 1 / 500, 1 / 200, 1 / 100
"""Shares below which a value is doubtful: initial energy of capacity, reserve of power, and power in one direction of
power in the other."""
LEAST_STORED_KWH = 2.0
"""Energy in kWh with which a store may begin in any case: a large one may begin nearly empty."""
