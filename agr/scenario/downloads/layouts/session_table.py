"""Charging sessions in columns with telling names, in any order: a charge-point operator's or a user's own list."""

from agr.scenario.downloads.layout import ImportOptions, Layout, SessionColumns
from agr.scenario.downloads.roles import one_of, zone_column
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import read_day_first
from agr.scenario.downloads.words import clock_of, in_unit, names_zone

_ANY = r"(?:_(?:utc|local|time|date|date_time|cet|cest|mez|mesz|gmt|at|europe|[a-z]+))*"
_OF = r"(?:utc_|local_)?(?:transaction_|session_|charging_|charge_|plug_?in_)?"
_BEGIN = r"(?:start|started|begin|beginn|start_?zeit|start_?tijd|begin_?tijd|arrival|ankunft|aankomst)"
_END = r"(?:end|ended|stop|stopped|ende|end_?zeit|eind_?tijd|einde|departure|abfahrt|vertrek)"
_ROLES: dict[str, tuple[str, ...]] = {
    "session": (r"(?:session|transaction)(?:_?(?:id|no|number))?", "id",
                r"(?:sessie|transactie|sitzung|transaktion|ladevorgang)(?:_?(?:id|nr|nummer))?"),
    "charger": (r"charger(?:_?id)?|charge_?point(?:_?id)?|evse(?:_?u?id)?|charging_point|ladepunkt|laadpaal|laadpunt",
                r"station(?:_?id)?", "connection"),
    "start": (rf"{_OF}{_BEGIN}{_ANY}", rf"plug_?in{_ANY}"),
    "end": (rf"{_OF}{_END}{_ANY}", rf"(?:un_?plug|plug_?out){_ANY}"),
    "energy": (r"(?:total_?|charged_?|delivered_?)?(?:energy|energie)(?:_delivered)?(?:_[km]?wh)?", "[km]?wh",
               "[km]?wh_delivered"),
    "power": (r"max_?(?:imum_|imale_)?(?:charge_|charging_)?(?:power|leistung|vermogen)(?:_[km]?w)?",
              r"charge_[km]?w", r"max_[km]?w"),
    "plug": (r"connector(?:_?id)?", r"socket(?:_?id)?"),
}  # fmt: skip
_NEEDED = ("charger", "start", "end", "energy")


def _columns(sheet: Sheet, asked: ImportOptions) -> SessionColumns | None:
    found = {role: one_of(sheet, patterns) for role, patterns in _ROLES.items()}
    charger, start, end, energy = (found[role] for role in _NEEDED)
    if charger is None or start is None or end is None or energy is None:
        return None
    session, plug, power = found["session"], found["plug"], found["power"]
    clock = clock_of(sheet.header[start], asked.tz)
    offset, told = zone_column(sheet, asked.tz, but=(start, end))
    clock = told if told is not None and not names_zone(sheet.header[start]) else clock
    return SessionColumns(
        session=session, charger=[charger] if plug is None else [charger, plug], start=start, end=end, energy=energy,
        power=power, offset=offset, clock=clock,
        end_clock=clock_of(sheet.header[end], clock.zone) if names_zone(sheet.header[end]) else clock,
        day_first=read_day_first(sheet, start, end), energy_factor=in_unit(sheet.header[energy], "wh"),
        power_factor=None if power is None else in_unit(sheet.header[power], "w"),
    )  # fmt: skip


def lacking(sheet: Sheet) -> list[str]:
    """Return what no column was found for."""
    return [role for role in _NEEDED if one_of(sheet, _ROLES[role]) is None]


SESSION_TABLE = Layout(name="a table of sessions", kind="sessions", columns=_columns)
