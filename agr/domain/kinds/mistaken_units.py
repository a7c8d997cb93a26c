"""Words for values that are possible, but were probably entered in another unit: W for kW, Wh for kWh, MW for kW."""

from collections.abc import Iterator

from agr.domain.kinds.kind import Remark, Resource

PER_UNIT = 1000
"""Units that are mistaken for each other differ by this factor."""


def above(row: Resource, column: str, value: float | None, most: float, unit: str, what: str) -> Iterator[Remark]:
    """Yield a remark where a value is above the most that anything of its kind has, given in words."""
    if value is not None and value > most:
        at = f"{value:g} {unit} at connection {row.connection} is more than {what} ({most:g} {unit})"
        yield column, f"{at}; did you mean {value / PER_UNIT:g} {unit}?"


def below(row: Resource, column: str, value: float, least: float, unit: str, what: str) -> Iterator[Remark]:
    """Yield a remark where a value is above zero, but below the least that anything of its kind has, in words."""
    if 0 < value < least:
        at = f"{value:g} {unit} at connection {row.connection} is less than {what} ({least:g} {unit})"
        yield column, f"{at}; did you mean {value * PER_UNIT:g} {unit}?"


def lasts(
    row: Resource, power: tuple[str, float], energy: tuple[str, float], between_h: tuple[float, float], what: str
) -> Iterator[Remark]:
    """Yield a remark where a store is filled much faster or slower than stores of its kind, in words.

    `power` and `energy` are columns with their values in kW and kWh; `between_h` are the hours that are usual.
    """
    (power_column, kw), (energy_column, kwh) = power, energy
    if kw <= 0 or kwh <= 0:
        return
    hours, (least, most) = kwh / kw, between_h
    if hours < least:
        said = f"{kw:g} kW at connection {row.connection} would fill {kwh:g} kWh in {hours * 3600:.2g} s"
        meant = f"did you mean {kw / PER_UNIT:g} kW, or {energy_column} {kwh * PER_UNIT:g}?"
        yield power_column, f"{said}, faster than {what}; {meant}"
    elif hours > most:
        said = f"{kwh:g} kWh at connection {row.connection} would take {hours:,.0f} h to fill with {kw:g} kW"
        meant = f"did you mean {kwh / PER_UNIT:g} kWh, or {power_column} {kw * PER_UNIT:g}?"
        yield energy_column, f"{said}, longer than {what}; {meant}"


def per_kwh(row: Resource, column: str) -> Iterator[Remark]:
    """Yield a remark where a cost or worth in EUR/MWh was probably given per kWh."""
    value: float = getattr(row, column)
    if 0 < value < LEAST_EUR_PER_MWH:
        said = f"{value:g} EUR/MWh at connection {row.connection} is next to nothing"
        yield column, f"{said}; did you mean {value * PER_UNIT:g} EUR/MWh ({value:g} EUR/kWh)?"


def wear(row: Resource, value: float) -> Iterator[Remark]:
    """Yield a remark where the cost of wear was probably not given in EUR/MWh."""
    yield from per_kwh(row, "wear_eur_per_mwh")
    if value > MOST_WEAR_EUR_PER_MWH:
        said = f"{value:g} EUR/MWh is more than the wear of the dearest battery ({MOST_WEAR_EUR_PER_MWH:g} EUR/MWh)"
        yield "wear_eur_per_mwh", f"{said}; did you mean {value / PER_UNIT:g} EUR/MWh?"


LEAST_EUR_PER_MWH = 0.5
"""Least usual cost. A battery of 100 EUR/kWh that lasts 10,000 cycles wears by 5 EUR per MWh moved, and curtailment
costs 1 EUR/MWh or more; costs that were entered in EUR/kWh are 0.005 to 0.4."""
MOST_WEAR_EUR_PER_MWH = 1_000.0
"""Highest usual wear: a battery of 1,000 EUR/kWh that lasts 500 cycles wears by 1,000 EUR per MWh moved."""
