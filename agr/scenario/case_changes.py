"""What --set and --without change in a stored case, which has no register, only the problem in arrays. Pure.

| path | what |
| day_ahead.price, intraday.price, PRODUCT.price | prices; a product's per MW and hour |
| intraday.depth_kw, intraday.spread_eur_per_mwh | trading |
| PRODUCT.max_mw, .minimum_mw, .step_mw, .sustain_minutes | a capacity product |
| contracts.NAME.power_w, .penalty_eur_per_mwh, .availability_eur_per_mw_h | a reservation; `*` for all |
| limits.POINT.import_kw, .export_kw, .penalty_eur_per_mwh | a limit; `*` for all |
| connection_limits.NAME.import_kw, … | the limits of a connection or group; `*` for all |
| connection_tariffs.NAME.import_eur_per_mwh, .export_eur_per_mwh | prices of a connection's tariff; `*` for all |
| peak_charges.NAME.peak_eur_per_kw, .peak_reached_kw | peak charges of a connection; `*` for all |
| stay_eur_per_mwh | the planning price of leaving what was announced |
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.planning.case import NamedCase
from agr.scenario.addressing import Addressable, NamedRows, NamedValues, PathPart, Removable, Value, applied
from agr.scenario.change_expression import Setting, slug
from models.case import UNIT_CLASSES, Case, Reserve

Floats = NDArray[np.float64]
_CONTRACT = {"power_w": "reserved_kw"} | {n: n for n in ("penalty_eur_per_mwh", "availability_eur_per_mw_h")}
_LIMIT = {n: n for n in ("import_kw", "export_kw", "penalty_eur_per_mwh")}

_TARIFF = {n: n for n in ("import_eur_per_mwh", "export_eur_per_mwh")}
_PEAK = {n: n for n in ("peak_eur_per_kw", "peak_reached_kw")}


def changed_case(named: NamedCase, settings: Iterable[str] = (), without: Iterable[str] = ()) -> NamedCase:
    """Return the case with the changes applied in order. Raises InputError that names what is possible."""
    return applied(named, _addressable, settings, without)


def _addressable(named: NamedCase) -> Addressable[NamedCase]:
    otherwise = "a stored case holds no register, so resources cannot be changed (run a scenario for that); "
    return Addressable(parts=_parts(named), removable=_removable(named), otherwise=otherwise)


def _with(part: Any, new: Mapping[str, Any]) -> Any:
    """Return the value with fields replaced; their names are only known at run time."""
    return replace(part, **new)


def _parts(named: NamedCase) -> dict[str, PathPart[NamedCase]]:
    case = named.case

    def put(change: Callable[[Setting], Case]) -> Callable[[Setting], NamedCase]:
        return lambda setting: replace(named, case=change(setting))

    parts: dict[str, PathPart[NamedCase]] = {
        "day_ahead": NamedValues(
            fields={"price": put(lambda s: replace(case, day_ahead=_over(case.day_ahead, s, "price_eur_per_mwh")))}
        ),
        "intraday": NamedValues(fields={name: put(partial(change, case)) for name, change in _INTRADAY.items()}),
    }
    for i, reserve in enumerate(case.reserves):
        parts[slug(reserve.name)] = NamedValues(
            fields={name: put(partial(_product, case, i, change)) for name, change in _PRODUCT.items()}
        )
    parts["contracts"] = _table(named, "contracts", "reservations", case.reservations.name, _CONTRACT)
    parts["limits"] = _table(named, "limits", "limits", [case.points[p] for p in case.limits.point], _LIMIT)
    parts["connection_limits"] = _table(
        named, "connection_limits", "connection_limits", case.connection_limits.name, _LIMIT
    )
    tariffs = case.connection_tariffs
    parts["connection_tariffs"] = _table(named, "connection_tariffs", "connection_tariffs", tariffs.name, _TARIFF)
    paying = [tariffs.name[at] for at in tariffs.peak_at.tolist()]
    parts["peak_charges"] = _table(named, "peak_charges", "connection_tariffs", paying, _PEAK)
    anchor = case.anchor
    if anchor is not None:
        parts["stay_eur_per_mwh"] = Value(
            change=put(lambda s: replace(case, anchor=replace(anchor, eur_per_mwh=s.of(anchor.eur_per_mwh))))
        )
    return parts


def _applied(setting: Setting, values: Floats) -> Floats:
    return np.array([setting.of(float(v)) for v in values.ravel()], dtype=np.float64).reshape(values.shape)


def _over(part: Any, setting: Setting, *names: str) -> Any:
    return _with(part, {name: _applied(setting, getattr(part, name)) for name in names})


# --- markets ---------------------------------------------------------------------------------------------------------


def _intraday_price(case: Case, setting: Setting) -> Case:
    return replace(case, intraday=_over(case.intraday, setting, "buy_eur_per_mwh", "sell_eur_per_mwh"))


def _intraday_depth(case: Case, setting: Setting) -> Case:
    market = case.intraday
    still_open = np.isnan(market.committed_kw)
    buy, sell = (
        np.where(still_open, _applied(setting, depth), 0.0) for depth in (market.buy_depth_kw, market.sell_depth_kw)
    )
    return _with_depth(case, buy, sell)


def _with_depth(case: Case, buy_kw: Floats, sell_kw: Floats) -> Case:
    """Return the case with other depths (T,), of which each balancing group keeps its share."""
    market, groups = case.intraday, case.balancing_groups
    if groups.name:
        shares = [
            np.divide(of, whole, out=np.full_like(of, 1 / len(groups.name)), where=whole > 0)
            for of, whole in ((groups.buy_depth_kw, market.buy_depth_kw), (groups.sell_depth_kw, market.sell_depth_kw))
        ]
        groups = replace(groups, buy_depth_kw=shares[0] * buy_kw, sell_depth_kw=shares[1] * sell_kw)
    return replace(
        case, intraday=replace(market, buy_depth_kw=buy_kw, sell_depth_kw=sell_kw), balancing_groups=groups
    )  # fmt: skip


def _intraday_spread(case: Case, setting: Setting) -> Case:
    market = case.intraday
    middle = (market.buy_eur_per_mwh + market.sell_eur_per_mwh) / 2
    half = _applied(setting, market.buy_eur_per_mwh - market.sell_eur_per_mwh) / 2
    return replace(case, intraday=replace(market, buy_eur_per_mwh=middle + half, sell_eur_per_mwh=middle - half))


_INTRADAY = {"depth_kw": _intraday_depth, "price": _intraday_price, "spread_eur_per_mwh": _intraday_spread}


def _product(case: Case, index: int, change: Callable[[Case, Reserve, Setting], Reserve], setting: Setting) -> Case:
    new = change(case, case.reserves[index], setting)
    return replace(case, reserves=(*case.reserves[:index], new, *case.reserves[index + 1 :]))


def _capacity_price(case: Case, reserve: Reserve, setting: Setting) -> Reserve:
    hours = np.array([np.sum(reserve.block == b) for b in range(len(reserve.price_eur_per_mw))]) * case.isp_hours
    per_hour = np.divide(reserve.price_eur_per_mw, hours, out=np.zeros_like(hours), where=hours > 0)
    return replace(reserve, price_eur_per_mw=_applied(setting, per_hour) * hours)


_PRODUCT: dict[str, Callable[[Case, Reserve, Setting], Reserve]] = {
    "price": _capacity_price,
    "max_mw": lambda _, reserve, s: replace(reserve, max_mw=_applied(s, reserve.max_mw)),
    "minimum_mw": lambda _, reserve, s: replace(reserve, minimum_mw=s.of(reserve.minimum_mw)),
    "step_mw": lambda _, reserve, s: replace(reserve, step_mw=s.of(reserve.step_mw)),
    "sustain_minutes": lambda _, reserve, s: replace(reserve, sustain_h=s.of(reserve.sustain_h * 60) / 60),
}


# --- contracts and limits --------------------------------------------------------------------------------------------


def _table(
    named: NamedCase, name: str, field: str, names: Collection[str], columns: Mapping[str, str]
) -> NamedRows[NamedCase]:
    """Return an array part of the case as a table; `columns` maps a column's name to a field of the part."""

    def change(chosen: Collection[str], column: str, setting: Setting) -> NamedCase:
        part = getattr(named.case, field)
        values: Floats = getattr(part, columns[column]).copy()
        rows = [i for i, row in enumerate(names) if row in chosen]
        values[rows] = _inside(setting, values[rows], column)
        new: Case = _with(named.case, {field: _with(part, {columns[column]: values})})
        return replace(named, case=new)

    return NamedRows(name=name, rows=names, columns=columns, change=change)


def _inside(setting: Setting, values: Floats, field: str) -> Floats:
    """Change bounds or reserved power; ISPs outside the window stay as they are. Export limits are negative here."""
    if field == "power_w":
        return np.where(values != 0.0, _applied(setting, values * 1000) / 1000, 0.0)
    sign = -1.0 if field == "export_kw" else 1.0
    return np.where(np.isfinite(values), sign * _applied(setting, sign * values), values)


# --- what can be removed ---------------------------------------------------------------------------------------------


def _removable(named: NamedCase) -> dict[str, Removable[NamedCase]]:
    case = named.case
    products = [reserve.name for reserve in case.reserves]
    reservation = _rows_of(named, "reservations", case.reservations.name)
    return {
        "reservation": reservation,
        "contract": reservation,
        "limit": _rows_of(named, "limits", [case.points[p] for p in case.limits.point]),
        "connection_limit": Removable(
            names=case.connection_limits.name, remove=partial(_without_connection_limit, named)
        ),
        "connection_tariff": Removable(
            names=case.connection_tariffs.name, remove=partial(_without_connection_tariff, named)
        ),
        "market": Removable(names=["intraday", *products], remove=partial(_without_market, named), by_slug=True),
        "position": Removable(names=["day_ahead", *products], remove=partial(_without_position, named), by_slug=True),
        "resource": Removable(
            names=[name for mine in named.names.values() for name in mine],
            remove=partial(_without_resource, named),
        ),
    }  # fmt: skip


def _rows_of(named: NamedCase, field: str, names: Collection[str]) -> Removable[NamedCase]:
    def remove(name: str) -> NamedCase:
        kept = np.array([row != name for row in names], dtype=bool)
        return replace(named, case=_with(named.case, {field: _rows(getattr(named.case, field), kept)}))

    return Removable(names=names, remove=remove)


def _rows(part: Any, kept: NDArray[np.bool_]) -> Any:
    new = {}
    for field in fields(part):
        value = getattr(part, field.name)
        rows = isinstance(value, np.ndarray)
        new[field.name] = value[kept] if rows else tuple(v for v, k in zip(value, kept, strict=True) if k)
    return _with(part, new)


def _without_connection_limit(named: NamedCase, name: str) -> NamedCase:
    """Open the limits of a connection or group; the tree stays as it is."""
    limits = named.case.connection_limits
    mine = np.array([of == name for of in limits.name], dtype=bool)[:, None]
    open_limits = replace(
        limits, import_kw=np.where(mine, np.inf, limits.import_kw), export_kw=np.where(mine, -np.inf, limits.export_kw)
    )
    return replace(named, case=replace(named.case, connection_limits=open_limits))


def _without_connection_tariff(named: NamedCase, name: str) -> NamedCase:
    """Let a connection's energy and peaks cost nothing; it stays in the case."""
    tariffs = named.case.connection_tariffs
    mine = np.array([of == name for of in tariffs.name], dtype=bool)
    free = replace(
        tariffs,
        import_eur_per_mwh=np.where(mine[:, None], 0.0, tariffs.import_eur_per_mwh),
        export_eur_per_mwh=np.where(mine[:, None], 0.0, tariffs.export_eur_per_mwh),
        peak_eur_per_kw=np.where(mine[tariffs.peak_at], 0.0, tariffs.peak_eur_per_kw),
    )
    return replace(named, case=replace(named.case, connection_tariffs=free))


def _without_market(named: NamedCase, name: str) -> NamedCase:
    case, nothing = named.case, np.zeros(named.case.isps)
    if name == "intraday":
        return replace(named, case=_with_depth(case, nothing, nothing))
    kept = tuple(reserve for reserve in case.reserves if reserve.name != name)
    return replace(named, case=replace(case, reserves=kept))


def _without_position(named: NamedCase, name: str) -> NamedCase:
    """Free a position that a gate has fixed, as if the gate were still open."""
    case = named.case
    if name == "day_ahead":
        free = replace(case.day_ahead, committed_kw=np.full(case.isps, np.nan))
        groups = case.balancing_groups
        if groups.name:
            groups = replace(groups, day_ahead_kw=np.full_like(groups.day_ahead_kw, np.nan))
        return replace(named, case=replace(case, day_ahead=free, balancing_groups=groups))
    freed = tuple(
        replace(r, committed_mw=np.full(len(r.committed_mw), np.nan)) if r.name == name else r for r in case.reserves
    )
    return replace(named, case=replace(case, reserves=freed))


def _without_resource(named: NamedCase, name: str) -> NamedCase:
    units, names = next((units, names) for units, names in named.names.items() if name in names)
    kept = np.array([n != name for n in names], dtype=bool)
    left = tuple(kept if one == units else slice(None) for one in UNIT_CLASSES)
    less = {
        "connection_limits": named.case.connection_limits.of_units(left),
        "connection_tariffs": named.case.connection_tariffs.only(left),
        "balancing_groups": named.case.balancing_groups.only(left),
    }
    case = _with(named.case, {units: _rows(getattr(named.case, units), kept), **less})
    return replace(named, case=case, names=named.names | {units: tuple(n for n in names if n != name)})
