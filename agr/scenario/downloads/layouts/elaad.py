"""ElaadNL's open transactions: days before months, times in UTC, energy in kWh and highest power in kW."""

from agr.scenario.downloads.layout import ImportOptions, Layout, SessionColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: ImportOptions) -> SessionColumns | None:
    session, point, plug = (one_of(sheet, (name,)) for name in ("transaction_id", "charge_point", "connector"))
    start, end = one_of(sheet, ("utc_transaction_start",)), one_of(sheet, ("utc_transaction_stop",))
    energy, power = one_of(sheet, ("total_energy",)), one_of(sheet, ("max_power",))
    if session is None or point is None or start is None or end is None or energy is None:
        return None
    clock = clock_of("UTC", asked.tz)
    return SessionColumns(
        session=session, charger=[point] if plug is None else [point, plug], start=start, end=end, energy=energy,
        power=power, clock=clock, end_clock=clock, day_first=True, energy_factor=1.0, power_factor=1.0,
    )  # fmt: skip


ELAAD = Layout(name="ElaadNL's transactions", kind="sessions", columns=_columns)
