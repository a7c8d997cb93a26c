"""Changes a scenario: --set PATH=VALUE and --without KIND:NAME. Pure: a new scenario comes out.

| path | what |
| markets.MARKET.FIELD, MARKET.FIELD | a setting of a market; MARKET is day_ahead, intraday, imbalance or a product |
| MARKET.price | the market's price series in the tables |
| batteries, ev_sessions, … | how many there are: copies of those there are, or fewer of them |
| connections, connections.POINT | how many there are, with everything behind them; everywhere or at one point |
| batteries.FIELD, batteries.NAME.FIELD | a column of all of them, or of one |
| fixed_loads.power_kw, generators.power_kw, heat_pumps.heat_kw, heat_pumps.cop | their forecasts |
| contracts.NAME.FIELD, limits.POINT.FIELD | a column; `*` for all |
| planning.FIELD, events.1.keep_share, stay_eur_per_mwh | as in scenario.yaml |
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from agr.connectors.tables.checks import row_faults
from agr.domain.errors import InputError
from agr.scenario.change_expression import Setting, read_setting, slug, unknown
from agr.scenario.description import Description
from agr.scenario.scaling import FORECASTS, count_connections, count_resources, with_rows, without_connections
from agr.scenario.scenario import RESOURCES, Scenario
from agr.settings.model_faults import model_faults

_KEYS = {"contracts": "contract", "limits": "congestion_point"} | dict.fromkeys(RESOURCES, "resource")
_MARKETS = ("day_ahead", "intraday", "imbalance")


def changed(scenario: Scenario, settings: Iterable[str] = (), without: Iterable[str] = ()) -> Scenario:
    """Return the scenario with the changes made in their order. Raises InputError that says what is possible."""
    for text in without:
        scenario = _without(scenario, text)
        scenario = replace(scenario, changes=(*scenario.changes, f"without {text}"))
    for text in settings:
        setting = read_setting(text)
        scenario = replace(_set(scenario, setting), changes=(*scenario.changes, str(setting)))
    return scenario


def _set(scenario: Scenario, setting: Setting) -> Scenario:
    head, _, rest = setting.path.removeprefix("markets.").partition(".")
    products = [slug(product.name) for product in scenario.description.markets.capacity]
    if head in (*_MARKETS, *products) and rest:
        return _price(scenario, head, setting) if rest == "price" else _market(scenario, head, rest, setting)
    if setting.path in RESOURCES:
        return count_resources(scenario, setting)
    if head == "connections":
        return count_connections(scenario, setting)
    if head in _KEYS and rest:
        return _column(scenario, head, rest, setting)
    if head == "events" and rest:
        return _event(scenario, rest, setting)
    if head in ("planning", "stay_eur_per_mwh", "seed"):
        return _described(scenario, [head, *rest.split(".")] if rest else [head], setting)
    known = [*(f"markets.{m}" for m in (*_MARKETS, *products)), *_KEYS, "connections"]
    known += ["planning", "events", "stay_eur_per_mwh"]
    raise unknown("the path", setting.path, known)


def _described(scenario: Scenario, place: list[str | int], setting: Setting) -> Scenario:
    """Change a value of scenario.yaml and check all of it again."""
    whole: dict[str, Any] = scenario.description.model_dump()
    part, last = _holder(whole, place, setting), place[-1]
    old = part[last]
    part[last] = setting.of(float(old)) if isinstance(old, int | float) else setting.text
    if isinstance(old, int) and not isinstance(old, bool) and part[last] == int(part[last]):
        part[last] = int(part[last])
    try:
        return replace(scenario, description=Description.model_validate(whole))
    except ValidationError as error:
        words = "; ".join(words for _, words in model_faults(Description, error))
        raise InputError(f"{setting}: {words}") from error


def _holder(whole: dict[str, Any], place: list[str | int], setting: Setting) -> dict[str | int, Any]:
    """Return the part of scenario.yaml that holds the value at a place; raises InputError for a name that is not there.

    Numbers in the place are known to be there.
    """
    holder: dict[str | int, Any] = {}
    value: Any = whole
    name = ""
    for step in place:
        if isinstance(step, str):
            if not isinstance(value, dict):
                raise unknown(f"{setting}: the setting", f"{name}.{step}", sorted(map(str, holder)))
            if step not in value:
                raise unknown(f"{setting}: the setting", step, sorted(value))
            holder, name = value, step
        value = value[step]
    return holder


def _market(scenario: Scenario, market: str, field: str, setting: Setting) -> Scenario:
    if market in _MARKETS:
        return _described(scenario, ["markets", market, field], setting)
    names = [slug(product.name) for product in scenario.description.markets.capacity]
    return _described(scenario, ["markets", "capacity", names.index(market), field], setting)


def _event(scenario: Scenario, rest: str, setting: Setting) -> Scenario:
    number, _, field = rest.partition(".")
    count = len(scenario.description.events)
    if not number.isdigit() or not 1 <= int(number) <= count:
        raise InputError(f"{setting}: there are {count} events; write events.1.keep_share for the first")
    return _described(scenario, ["events", int(number) - 1, field], setting)


def _price(scenario: Scenario, market: str, setting: Setting) -> Scenario:
    """Change the prices of a market's series; for day-ahead those expected as well."""
    markets = scenario.description.markets
    if market == "day_ahead":
        series = {markets.day_ahead.series, markets.day_ahead.forecast_series}
    elif market == "intraday":
        series = {s for s in (markets.intraday.buy_series, markets.intraday.sell_series) if s}
    else:
        series = {p.series for p in markets.capacity if slug(p.name) == market}
    prices = scenario.register.prices
    if not series & {price.series for price in prices}:
        hint = "change markets.intraday.spread_eur_per_mwh or markets.day_ahead.price" if market == "intraday" else ""
        raise InputError(f"{setting}: the tables hold no price series of {market}{'; ' + hint if hint else ''}")
    new = tuple(replace(p, value=setting.of(p.value)) if p.series in series else p for p in prices)
    return replace(scenario, register=replace(scenario.register, prices=new))


def _column(scenario: Scenario, table: str, rest: str, setting: Setting) -> Scenario:
    """Change a column, of one row or of all; a name may hold dots."""
    name, _, field = rest.rpartition(".")
    rows = getattr(scenario.register, table)
    if field in FORECASTS.get(table, ()) and field not in _fields(rows):
        return _forecasts(scenario, table, name, field, setting)
    key = _KEYS[table]
    if name not in ("", "*") and name not in {getattr(row, key) for row in rows}:
        raise unknown(f"{setting}: in {table} the", name, sorted({getattr(row, key) for row in rows}))
    if rows and field not in _fields(rows):
        raise unknown(f"{setting}: the column", field, sorted({*_fields(rows), *FORECASTS.get(table, ())}))

    def change(row: Any) -> Any:
        old = getattr(row, field)
        if old is None or name not in ("", "*", getattr(row, key)):
            return row
        if not isinstance(old, int | float):
            raise InputError(f"{setting}: {field} of {getattr(row, key)} holds no number")
        new = setting.of(float(old))
        made = replace(row, **{field: round(new) if isinstance(old, int) else new})
        faults = row_faults(table, made)
        if faults:
            raise InputError(f"{setting}: {getattr(row, key)}: {faults[0]}")
        return made

    return with_rows(scenario, table, [change(row) for row in rows])


def _fields(rows: tuple[Any, ...]) -> set[str]:
    return {field.name for field in fields(rows[0])} if rows else set()


def _forecasts(scenario: Scenario, table: str, name: str, quantity: str, setting: Setting) -> Scenario:
    ours = {row.resource for row in getattr(scenario.register, table) if name in ("", "*", row.resource)}
    if not ours:
        raise InputError(f"{setting}: there is no such resource in {table}")
    change: Callable[[Any], Any] = np.vectorize(setting.of, otypes=[float])
    days = {
        day: {key: change(v) if key[0] in ours and key[1] == quantity else v for key, v in of_day.items()}
        for day, of_day in scenario.forecasts.items()
    }
    return replace(scenario, forecasts=days)


def _without(scenario: Scenario, text: str) -> Scenario:
    kind, colon, name = text.partition(":")
    kind = {"reservation": "contract"}.get(kind, kind)
    if not colon or kind not in ("contract", "limit", "market", "resource", "connection", "class", "event"):
        words = "reservation, limit, market, resource, connection, class or event"
        raise InputError(f"--without {text}: expected KIND:NAME with a KIND of {words}")
    if kind == "market":
        return _without_market(scenario, name)
    if kind == "event":
        return _without_event(scenario, name)
    if kind == "connection":
        ours = sorted(c.address for c in scenario.register.connections)
        if name not in ours:
            raise unknown(f"--without {text}: the connection", name, ours)
        return without_connections(scenario, {name})
    if kind == "class":
        if name not in RESOURCES:
            raise unknown(f"--without {text}: the class", name, list(RESOURCES))
        return with_rows(scenario, name, ())
    tables = {"contract": ("contracts",), "limit": ("limits",)}.get(kind, RESOURCES)
    column = {"contract": "contract", "limit": "congestion_point"}.get(kind, "resource")
    known = {getattr(row, column) for table in tables for row in getattr(scenario.register, table)}
    if name not in known:
        raise unknown(f"--without {text}: the {kind}", name, sorted(known))
    for table in tables:
        kept = [row for row in getattr(scenario.register, table) if getattr(row, column) != name]
        scenario = with_rows(scenario, table, kept)
    return scenario


def _without_market(scenario: Scenario, name: str) -> Scenario:
    markets = scenario.description.markets
    fields_of = {"day_ahead": ("max_buy_kw", "max_sell_kw"), "intraday": ("depth_kw",)}
    if slug(name) in fields_of:
        for field in fields_of[slug(name)]:
            scenario = _described(scenario, ["markets", slug(name), field], read_setting(f"{field}=0"))
        return scenario
    kept = tuple(product for product in markets.capacity if slug(product.name) != slug(name))
    if len(kept) == len(markets.capacity):
        known = [*fields_of, *(slug(product.name) for product in markets.capacity)]
        raise unknown(f"--without market:{name}: the market", slug(name), known)
    new = scenario.description.model_copy(update={"markets": markets.model_copy(update={"capacity": kept})})
    return replace(scenario, description=new)


def _without_event(scenario: Scenario, number: str) -> Scenario:
    events = scenario.description.events
    if not number.isdigit() or not 1 <= int(number) <= len(events):
        raise InputError(f"--without event:{number}: there are {len(events)} events, numbered from 1")
    kept = events[: int(number) - 1] + events[int(number) :]
    return replace(scenario, description=scenario.description.model_copy(update={"events": kept}))
