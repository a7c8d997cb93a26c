"""ACN-Data's sessions, as CSV or JSON: HTTP dates in GMT, whatever the zone that a column names for the place."""

from agr.scenario.downloads.layout import ImportOptions, Layout, SessionColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: ImportOptions) -> SessionColumns | None:
    session, charger = one_of(sheet, ("session_id", "id")), one_of(sheet, ("station_id", "space_id"))
    start, end = one_of(sheet, ("connection_time",)), one_of(sheet, ("disconnect_time",))
    energy = one_of(sheet, ("kwh_delivered",))
    if session is None or charger is None or start is None or end is None or energy is None:
        return None
    clock = clock_of("UTC", asked.tz)
    return SessionColumns(
        session=session, charger=[charger], start=start, end=end, energy=energy, clock=clock, end_clock=clock,
        energy_factor=1.0,
    )  # fmt: skip


ACN = Layout(name="ACN-Data's sessions", kind="sessions", columns=_columns)
