"""What `--set PATH=VALUE` and `--without KIND:NAME` change in a scenario. Pure: returns a new scenario.

| path | what |
| markets.MARKET.FIELD, MARKET.FIELD | a setting of a market; MARKET is day_ahead, imbalance, …, or a product |
| MARKET.price | the market's price series in the tables |
| batteries, ev_sessions, … | the number of resources: existing ones are copied or left out |
| connections, connections.POINT | the number of connections with everything behind them, everywhere or at one point |
| batteries.FIELD, batteries.NAME.FIELD | a column of all of them, or of one |
| fixed_loads.power_kw, generators.power_kw, heat_pumps.heat_kw, heat_pumps.cop | their forecasts |
| contracts.NAME.FIELD, limits.POINT.FIELD, connection_limits.NAME.FIELD | a column; `*` for all |
| connection_tariffs.NAME.FIELD | a column of all rows of a connection; `*` for all |
| connections.NAME.import_kw, .export_kw, .penalty_eur_per_mwh | the limits of a connection or group |
| connections.NAME.import_eur_per_mwh, .export_eur_per_mwh, .peak_eur_per_kw, … | the tariff of a connection |
| rolling.FIELD | a setting of planning while days run |
| trading.FIELD | how flexibility is offered to DSOs, and at what price |
| planning.FIELD, stay_eur_per_mwh, minimum_gain_eur_per_prognosis | as in scenario.yaml |
| events.1.keep_share, events.2.power_mw, … | a field of an event, by its number |
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from agr.connectors.tables.checks import row_faults
from agr.connectors.tables.tariffs import tariff_faults
from agr.domain.errors import InputError
from agr.domain.kinds import BY_TABLE
from agr.domain.register import ROWS
from agr.scenario.addressing import Addressable, Counted, NamedRows, NamedValues, PathPart, Removable, Value, applied
from agr.scenario.change_expression import Setting, read_setting, slug
from agr.scenario.description import Description, DsoRequest, Release
from agr.scenario.scaling import count_connections, count_resources, with_rows, without_connections
from agr.scenario.scenario import Scenario
from agr.settings.model_faults import model_faults

_KEYS = {
    "contracts": "contract",
    "limits": "congestion_point",
    "connection_limits": "at",
    "connection_tariffs": "connection",
} | dict.fromkeys(BY_TABLE, "resource")
_CLOSED = {"day_ahead": ("max_buy_kw", "max_sell_kw"), "intraday": ("depth_kw",)}
"""Market → the settings that are set to 0 when the market is removed."""


_EVENT_FIELDS = dict.fromkeys((*Release.model_fields, *DsoRequest.model_fields))


def changed(scenario: Scenario, settings: Iterable[str] = (), without: Iterable[str] = ()) -> Scenario:
    """Return the scenario with the changes applied in order. Raises InputError that names what is possible."""
    settings, without = tuple(settings), tuple(without)
    new = applied(scenario, _addressable, settings, without)
    made = (*(f"without {text}" for text in without), *(str(read_setting(text)) for text in settings))
    return replace(new, changes=(*scenario.changes, *made))


def _addressable(scenario: Scenario) -> Addressable[Scenario]:
    return Addressable(parts=_parts(scenario), removable=_removable(scenario))


def _parts(scenario: Scenario) -> dict[str, PathPart[Scenario]]:
    markets, events = scenario.description.markets, scenario.description.events
    series = {
        "day_ahead": {markets.day_ahead.series, markets.day_ahead.forecast_series},
        "intraday": {s for s in (markets.intraday.buy_series, markets.intraday.sell_series) if s},
    }
    parts: dict[str, PathPart[Scenario]] = {
        name: _section(scenario, section, ("markets", name), series.get(name, set()))
        for name, section in markets
        if isinstance(section, BaseModel)
    }
    for i, product in enumerate(markets.capacity):
        parts[slug(product.name)] = _section(scenario, product, ("markets", "capacity", i), {product.series})
    tables = scenario.register.tables()
    for table, key in _KEYS.items():
        parts[table] = NamedRows(
            name=table,
            rows=[getattr(row, key) for row in tables[table]],
            columns={*(field.name for field in fields(ROWS[table])), *_followed(table)},
            change=partial(_column, scenario, table),
            count=partial(count_resources, scenario, table) if table in BY_TABLE else None,
        )
    parts["connections"] = Counted(
        what="congestion point",
        places=[p.address for p in scenario.points],
        change=partial(count_connections, scenario),
        tables=(
            NamedRows(
                name="connection_limits",
                rows=[row.at for row in scenario.register.connection_limits],
                columns=("import_kw", "export_kw", "penalty_eur_per_mwh"),
                change=partial(_column, scenario, "connection_limits"),
            ),
            NamedRows(
                name="connection_tariffs",
                rows=[row.connection for row in scenario.register.connection_tariffs],
                columns=("import_eur_per_mwh", "export_eur_per_mwh", "peak_eur_per_kw", "peak_reached_kw"),
                change=partial(_column, scenario, "connection_tariffs"),
            ),
        ),
    )
    parts["planning"] = _section(scenario, scenario.description.planning, ("planning",), None)
    parts["trading"] = _section(scenario, scenario.description.trading, ("trading",), None)
    parts["rolling"] = _section(scenario, scenario.description.planning.rolling, ("planning", "rolling"), None)
    parts["events"] = NamedRows(
        name="events", rows=[str(i + 1) for i in range(len(events))], columns=list(_EVENT_FIELDS),
        change=partial(_events, scenario),
    )  # fmt: skip
    for name in ("stay_eur_per_mwh", "minimum_gain_eur_per_prognosis", "seed"):
        parts[name] = Value(change=partial(_described, scenario, (name,)))
    return parts


def _followed(table: str) -> tuple[str, ...]:
    """Return the quantities that are forecast for the resources in a table."""
    return tuple(quantity.name for quantity in BY_TABLE[table].follows) if table in BY_TABLE else ()


def _section(
    scenario: Scenario, section: BaseModel, place: tuple[str | int, ...], series: set[str] | None
) -> NamedValues[Scenario]:
    """Return a section of scenario.yaml; with `series`, also the market's prices, which are in the tables."""
    found: dict[str, Callable[[Setting], Scenario]] = {
        name: partial(_described, scenario, (*place, name)) for name in type(section).model_fields
    }
    for name, part in section:
        if isinstance(part, BaseModel):  # as in planning.promises.scenarios
            found |= {
                f"{name}.{inner}": partial(_described, scenario, (*place, name, inner))
                for inner in type(part).model_fields
            }
    return NamedValues(fields=found if series is None else {"price": partial(_price, scenario, series), **found})


def _described(scenario: Scenario, place: tuple[str | int, ...], setting: Setting) -> Scenario:
    """Change an existing value of scenario.yaml, and validate the whole description again."""
    whole = scenario.description.model_dump()
    part: Any = whole
    for step in place[:-1]:
        part = part[step]
    old = part[place[-1]]
    number = isinstance(old, int | float) and not isinstance(old, bool)
    new: Any = setting.of(float(old)) if number else setting.text
    if number and isinstance(old, int) and new == int(new):
        new = int(new)
    part[place[-1]] = new
    try:
        return replace(scenario, description=Description.model_validate(whole))
    except ValidationError as error:
        words = "; ".join(words for _, words in model_faults(Description, error))
        raise InputError(f"{setting}: {words}") from error


def _events(scenario: Scenario, numbers: Collection[str], field: str, setting: Setting) -> Scenario:
    """Change a field of every event that has it. Raises InputError where none has."""
    events = scenario.description.events
    having = [number for number in sorted(map(int, numbers)) if field in type(events[number - 1]).model_fields]
    if not having:
        kinds = " and ".join(sorted({events[int(number) - 1].kind for number in numbers}))
        raise InputError(f"{setting}: an event of kind {kinds} has no {field}")
    for number in having:
        scenario = _described(scenario, ("events", number - 1, field), setting)
    return scenario


def _price(scenario: Scenario, series: set[str], setting: Setting) -> Scenario:
    """Change the prices of a market's series; for day-ahead, the forecast as well."""
    prices = scenario.register.prices
    if not series & {price.series for price in prices}:
        market = setting.path.removeprefix("markets.").removesuffix(".price")
        hint = "; change intraday.spread_eur_per_mwh or day_ahead.price" if market == "intraday" else ""
        raise InputError(f"{setting}: the tables hold no price series of {market}{hint}")
    new = tuple(replace(p, value=setting.of(p.value)) if p.series in series else p for p in prices)
    return replace(scenario, register=replace(scenario.register, prices=new))


def _column(scenario: Scenario, table: str, names: Collection[str], column: str, setting: Setting) -> Scenario:
    """Change a column of some rows; empty cells stay empty."""
    rows, key = scenario.register.tables()[table], _KEYS[table]
    if column not in {field.name for field in fields(rows[0])}:
        return _forecasts(scenario, names, column, setting)

    def change(row: Any) -> Any:
        old = getattr(row, column)
        if old is None or getattr(row, key) not in names:
            return row
        if not isinstance(old, int | float):
            raise InputError(f"{setting}: {column} of {getattr(row, key)} holds no number")
        new = setting.of(float(old))
        made = replace(row, **{column: round(new) if isinstance(old, int) else new})
        faults = row_faults(table, made)
        if faults:
            raise InputError(f"{setting}: {getattr(row, key)}: {faults[0]}")
        return made

    new = with_rows(scenario, table, [change(row) for row in rows])
    if table == "connection_tariffs" and (fault := next(iter(tariff_faults(new.register.connection_tariffs)), None)):
        raise InputError(f"{setting}: {fault}")
    return new


def _forecasts(scenario: Scenario, resources: Collection[str], quantity: str, setting: Setting) -> Scenario:
    change: Callable[[Any], Any] = np.vectorize(setting.of, otypes=[float])
    days = {
        day: {key: change(v) if key[0] in resources and key[1] == quantity else v for key, v in of_day.items()}
        for day, of_day in scenario.forecasts.items()
    }
    return replace(scenario, forecasts=days)


def _removable(scenario: Scenario) -> dict[str, Removable[Scenario]]:
    register = scenario.register
    reservation = _rows_of(scenario, "contracts")
    return {
        "reservation": reservation,
        "contract": reservation,
        "limit": _rows_of(scenario, "limits"),
        "connection_limit": _rows_of(scenario, "connection_limits"),
        "connection_tariff": _rows_of(scenario, "connection_tariffs"),
        "market": Removable(
            names=[*_CLOSED, *(p.name for p in scenario.description.markets.capacity)],
            remove=partial(_without_market, scenario), by_slug=True,
        ),
        "resource": _rows_of(scenario, *BY_TABLE),
        "connection": Removable(
            names=[c.address for c in register.connections],
            remove=lambda name: without_connections(scenario, {name}),
        ),
        "class": Removable(names=tuple(BY_TABLE), remove=lambda name: with_rows(scenario, name, ())),
        "event": Removable(
            names=[str(i + 1) for i in range(len(scenario.description.events))],
            remove=partial(_without_event, scenario),
        ),
    }  # fmt: skip


def _rows_of(scenario: Scenario, *names: str) -> Removable[Scenario]:
    """Return the removable rows of some tables that share one set of names."""

    def remove(name: str) -> Scenario:
        new = scenario
        for table in names:
            rows = scenario.register.tables()[table]
            new = with_rows(new, table, [row for row in rows if getattr(row, _KEYS[table]) != name])
        return new

    known = [getattr(row, _KEYS[table]) for table in names for row in scenario.register.tables()[table]]
    return Removable(names=known, remove=remove)


def _without_market(scenario: Scenario, name: str) -> Scenario:
    for field in _CLOSED.get(name, ()):
        scenario = _described(scenario, ("markets", name, field), read_setting(f"{field}=0"))
    markets = scenario.description.markets
    kept = tuple(product for product in markets.capacity if product.name != name)
    new = scenario.description.model_copy(update={"markets": markets.model_copy(update={"capacity": kept})})
    return replace(scenario, description=new)


def _without_event(scenario: Scenario, number: str) -> Scenario:
    events = scenario.description.events
    kept = events[: int(number) - 1] + events[int(number) :]
    return replace(scenario, description=scenario.description.model_copy(update={"events": kept}))
