"""evcc's export of sessions, in English, German or Dutch: local times, no number of the session, meter readings.

Its column ID or Identifier is the card or vehicle, not the session.
"""

from agr.scenario.downloads.layout import ImportOptions, Layout, SessionColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import clock_of

_METERS = ("meter_start(?:_kwh)?", "anfangszahlerstand(?:_kwh)?")


def _columns(sheet: Sheet, asked: ImportOptions) -> SessionColumns | None:
    start = one_of(sheet, ("created", "started", "startzeit", "gestart"))
    end = one_of(sheet, ("finished", "endzeit", "beeindigd", "afgerond"))
    charger = one_of(sheet, ("charging_point", "loadpoint", "ladepunkt", "oplaadpunt", "laadpunt"))
    energy = one_of(sheet, ("(?:charged_)?(?:energy|energie)_kwh",))
    if start is None or end is None or charger is None or energy is None or one_of(sheet, _METERS) is None:
        return None
    clock = clock_of("", asked.tz)
    return SessionColumns(
        charger=[charger], start=start, end=end, energy=energy, clock=clock, end_clock=clock, energy_factor=1.0
    )


EVCC = Layout(name="evcc's sessions", kind="sessions", columns=_columns)
