"""OCPI's charge detail records (CDRs), as a JSON list or an answer of an OCPI interface.

Times without a zone are UTC, energies are in kWh. Source: OCPI 2.2.1, mod_cdrs and types.
"""

from agr.scenario.downloads.layout import ImportOptions, Layout, SessionColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.words import clock_of


def _columns(sheet: Sheet, asked: ImportOptions) -> SessionColumns | None:
    session, start = one_of(sheet, ("id",)), one_of(sheet, ("start_date_time",))
    end, energy = one_of(sheet, ("end_date_time", "stop_date_time")), one_of(sheet, ("total_energy",))
    charger = one_of(
        sheet,
        ("cdr_location_evse_uid", "cdr_location_evse_id", "evse_uid", "cdr_location_id", "location_id", "evse_id"),
    )
    plug = one_of(sheet, ("cdr_location_connector_id", "connector_id"))
    if session is None or start is None or end is None or energy is None or charger is None:
        return None
    clock = clock_of("UTC", asked.tz)
    return SessionColumns(
        session=session, charger=[charger] if plug is None else [charger, plug], start=start, end=end, energy=energy,
        clock=clock, end_clock=clock, energy_factor=1.0,
    )  # fmt: skip


OCPI = Layout(name="OCPI's charge detail records", kind="sessions", columns=_columns)
