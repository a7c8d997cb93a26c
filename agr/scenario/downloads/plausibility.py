"""Refuses downloads whose values are in another unit than their columns say, or cannot be what they should be."""

from collections.abc import Sequence

from agr.domain.faults import number_of
from agr.domain.register import Price
from agr.scenario.downloads.layout import RecordedSession
from agr.scenario.downloads.sheet import Sheet

_FEW = 12
"""Fewest prices that tell their unit: on a sunny afternoon, a few prices may all be below 1 EUR/MWh."""
_LEAST_EUR_PER_MWH = 1.0
"""Least highest price of so many prices; in EUR/kWh it would be 0.05 to 1."""
_MOST_EUR_PER_MWH = {"day_ahead": 5_000.0}
"""Series → the market's harmonised limit; imbalance prices have none."""
_MOST_ELSE_EUR_PER_MWH = 10_000.0
"""Limit for all other series, the same as for prices in scenarios."""
_MOST_KW, _MOST_KWH = 1_000.0, 1_500.0
"""Highest power and energy of a charging session: the fastest chargers for trucks give about 1,000 kW, and the largest
batteries of trucks hold less than 1,500 kWh."""
_MOST_UNNAMED_KW, _MOST_UNNAMED_KWH = 400.0, 250.0
"""The same for cars, where nothing says that energies are in kWh."""
_LEAST_KWH = 0.5
"""If no session takes more than this, energies are in MWh."""
_BEYOND_POWER = 20.0
"""Energy that would need this many times the highest power is in another unit than the power."""


def check_prices(sheet: Sheet, prices: Sequence[Price]) -> None:
    """Raise TableError for prices that cannot be EUR/MWh."""
    for series in sorted({p.series for p in prices}):
        of_series = [p for p in prices if p.series == series]
        top = max(of_series, key=lambda p: abs(p.value))
        most = _MOST_EUR_PER_MWH.get(series, _MOST_ELSE_EUR_PER_MWH)
        words = ""
        if abs(top.value) > most:
            words = f"{top.value:,g} EUR/MWh at {top.start.isoformat()} is beyond the market's limits ({most:,g})"
            words += "; check the decimal sign and the unit"
        elif len(of_series) >= _FEW and 0 < abs(top.value) < _LEAST_EUR_PER_MWH:
            words = (
                f"{top.value:g} EUR/MWh is the highest of {number_of(len(of_series), 'price')}: "
                "are they EUR/kWh? Then name their "
            )
            words += "column price (EUR/kWh); if they are right, export some more days with them"
        if words:
            raise sheet.refuse(f"{series}: {words}")


def check_sessions(sheet: Sheet, sessions: Sequence[RecordedSession], *, named: bool) -> None:
    """Note sessions that no charger gives; `named`: their column says in which unit its energies are."""
    most_kw, most_kwh = (_MOST_KW, _MOST_KWH) if named else (_MOST_UNNAMED_KW, _MOST_UNNAMED_KWH)
    for one in sessions:
        hours = (one.end - one.start).total_seconds() / 3600
        needed = one.energy_kwh / hours
        said = f"session {one.session} took {one.energy_kwh:,g} kWh in {hours:.3g} h, {needed:,.4g} kW"
        if needed > most_kw or one.energy_kwh > most_kwh:
            sheet.fault(one.line, f"{said}: is its energy in Wh? Then name the column energy_wh, else energy_kwh")
        elif one.max_kw is not None and one.max_kw > _MOST_KW:
            words = f"session {one.session} has a highest power of {one.max_kw:,g} kW: is it in W? "
            sheet.fault(one.line, words + "Then name the column max_power_w")
        elif one.max_kw is not None and needed > _BEYOND_POWER * one.max_kw:
            words = (
                f"{said}, and its highest power is {one.max_kw:g} kW: name the columns energy_kwh and max_power_kw, or "
            )
            sheet.fault(one.line, words + "what they are")
    few = named and len(sessions) <= _FEW
    if sessions and not few and max(one.energy_kwh for one in sessions) < _LEAST_KWH:
        top = max(sessions, key=lambda one: one.energy_kwh)
        words = (
            f"{top.energy_kwh:g} kWh is the most of {number_of(len(sessions), 'session')}: "
            "is their energy in MWh? Then name the "
        )
        sheet.fault(top.line, words + "column energy_mwh")
