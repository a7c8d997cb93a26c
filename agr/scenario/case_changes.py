"""Changes a stored case: --set and --without where there is no register, only the problem in arrays. Pure.

| path | what |
| day_ahead.price, intraday.price, PRODUCT.price | prices; a product's per MW and hour |
| intraday.depth_kw, intraday.spread_eur_per_mwh | trading |
| PRODUCT.max_mw, .minimum_mw, .step_mw, .sustain_minutes | a capacity product |
| contracts.NAME.power_w, .penalty_eur_per_mwh, .availability_eur_per_mw_h | a reservation; `*` for all |
| limits.POINT.import_kw, .export_kw, .penalty_eur_per_mwh | a limit; `*` for all |
| stay_eur_per_mwh | the planning price of leaving what was announced |
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.errors import InputError
from agr.planning.case import NamedCase
from agr.scenario.change_expression import Setting, read_setting, slug, unknown
from models.case import Case, Reserve
from models.errors import CaseError

Floats = NDArray[np.float64]
_CONTRACT = {"power_w": "reserved_kw"} | {n: n for n in ("penalty_eur_per_mwh", "availability_eur_per_mw_h")}
_LIMIT = ("import_kw", "export_kw", "penalty_eur_per_mwh")
_PRODUCT = ("price", "max_mw", "minimum_mw", "step_mw", "sustain_minutes")


def _with(part: Any, new: Mapping[str, Any]) -> Any:
    """Return the value with fields replaced whose names are only known here."""
    return replace(part, **new)


def recase(named: NamedCase, settings: Iterable[str] = (), without: Iterable[str] = ()) -> NamedCase:
    """Return the case with the changes made in their order. Raises InputError that says what is possible."""
    for text in without:
        named = _without(named, text)
    for text in settings:
        setting = read_setting(text)
        try:
            named = replace(named, case=_set(named.case, setting))
        except CaseError as error:
            raise InputError(f"{setting}: {error}") from error
    return named


def _set(case: Case, setting: Setting) -> Case:
    head, _, rest = setting.path.removeprefix("markets.").partition(".")
    products = [slug(reserve.name) for reserve in case.reserves]
    if head == "day_ahead" and rest == "price":
        return replace(case, day_ahead=_over(case.day_ahead, setting, "price_eur_per_mwh"))
    if head == "intraday":
        return _intraday(case, rest, setting)
    if head in products:
        return _product(case, products.index(head), rest, setting)
    if head in ("contracts", "limits"):
        return _row(case, head, rest, setting)
    if head == "stay_eur_per_mwh" and case.anchor is not None:
        return replace(case, anchor=replace(case.anchor, eur_per_mwh=setting.of(case.anchor.eur_per_mwh)))
    known = ["day_ahead.price", "intraday.depth_kw", "intraday.spread_eur_per_mwh", "contracts.NAME.power_w"]
    known += [f"{product}.price" for product in products] + ["limits.POINT.import_kw"]
    raise unknown(
        "a stored case holds no register, so resources cannot be changed (run a scenario for that); the path",
        setting.path, known,
    )  # fmt: skip


def _applied(setting: Setting, values: Floats) -> Floats:
    return np.array([setting.of(float(v)) for v in values.ravel()], dtype=np.float64).reshape(values.shape)


def _over(part: Any, setting: Setting, *names: str) -> Any:
    return _with(part, {name: _applied(setting, getattr(part, name)) for name in names})


def _intraday(case: Case, field: str, setting: Setting) -> Case:
    market = case.intraday
    if field == "price":
        return replace(case, intraday=_over(market, setting, "buy_eur_per_mwh", "sell_eur_per_mwh"))
    if field == "depth_kw":
        still_open = np.isnan(market.committed_kw)
        new = {
            n: np.where(still_open, _applied(setting, getattr(market, n)), 0.0)
            for n in ("buy_depth_kw", "sell_depth_kw")
        }
        return replace(case, intraday=replace(market, **new))
    if field == "spread_eur_per_mwh":
        middle = (market.buy_eur_per_mwh + market.sell_eur_per_mwh) / 2
        half = _applied(setting, market.buy_eur_per_mwh - market.sell_eur_per_mwh) / 2
        return replace(case, intraday=replace(market, buy_eur_per_mwh=middle + half, sell_eur_per_mwh=middle - half))
    raise unknown(f"{setting}: the setting", field, ["depth_kw", "price", "spread_eur_per_mwh"])


def _product(case: Case, index: int, field: str, setting: Setting) -> Case:
    reserve = case.reserves[index]
    if field == "price":
        hours = np.array([np.sum(reserve.block == b) for b in range(len(reserve.price_eur_per_mw))]) * case.isp_hours
        per_hour = np.divide(reserve.price_eur_per_mw, hours, out=np.zeros_like(hours), where=hours > 0)
        new: Reserve = replace(reserve, price_eur_per_mw=_applied(setting, per_hour) * hours)
    elif field == "max_mw":
        new = _over(reserve, setting, "max_mw")
    elif field == "sustain_minutes":
        new = replace(reserve, sustain_h=setting.of(reserve.sustain_h * 60) / 60)
    elif field in _PRODUCT:
        new = _with(reserve, {field: setting.of(getattr(reserve, field))})
    else:
        raise unknown(f"{setting}: the setting", field, list(_PRODUCT))
    return replace(case, reserves=(*case.reserves[:index], new, *case.reserves[index + 1 :]))


def _row(case: Case, table: str, rest: str, setting: Setting) -> Case:
    """Change a contract or limit; a name may hold dots."""
    name, _, field = rest.rpartition(".")
    contracts = table == "contracts"
    names = list(case.reservations.name) if contracts else [case.points[p] for p in case.limits.point]
    if name not in ("", "*") and name not in names:
        raise unknown(f"{setting}: in {table} the", name, sorted(set(names)))
    columns = _CONTRACT if contracts else {n: n for n in _LIMIT}
    if field not in columns:
        raise unknown(f"{setting}: the column", field, sorted(columns))
    part = case.reservations if contracts else case.limits
    values: Floats = getattr(part, columns[field]).copy()
    chosen = [i for i, n in enumerate(names) if name in ("", "*", n)]
    values[chosen] = _inside(setting, values[chosen], field)
    new: Case = _with(case, {"reservations" if contracts else "limits": _with(part, {columns[field]: values})})
    return new


def _inside(setting: Setting, values: Floats, field: str) -> Floats:
    """Change what is bounded or reserved; ISPs outside the window stay as they are. Export limits are negative here."""
    if field == "power_w":
        return np.where(values != 0.0, _applied(setting, values * 1000) / 1000, 0.0)
    sign = -1.0 if field == "export_kw" else 1.0
    return np.where(np.isfinite(values), sign * _applied(setting, sign * values), values)


def _without(named: NamedCase, text: str) -> NamedCase:
    kind, colon, name = text.partition(":")
    kind = {"reservation": "contract"}.get(kind, kind)
    takers: dict[str, Callable[[NamedCase, str, str], NamedCase]] = {
        "contract": _without_row, "limit": _without_row, "market": _without_market, "position": _without_position,
        "resource": _without_resource,
    }  # fmt: skip
    if not colon or kind not in takers:
        raise InputError(
            f"--without {text}: expected KIND:NAME with a KIND of reservation, limit, market, position or resource"
        )
    return takers[kind](named, kind, name)


def _without_row(named: NamedCase, kind: str, name: str) -> NamedCase:
    case = named.case
    names = list(case.reservations.name) if kind == "contract" else [case.points[p] for p in case.limits.point]
    if name not in names:
        raise unknown(f"--without: the {kind}", name, sorted(set(names)))
    kept = np.array([n != name for n in names], dtype=bool)
    table = "reservations" if kind == "contract" else "limits"
    return replace(named, case=_with(case, {table: _rows(getattr(case, table), kept)}))


def _rows(part: Any, kept: NDArray[np.bool_]) -> Any:
    new = {}
    for field in fields(part):
        value = getattr(part, field.name)
        rows = isinstance(value, np.ndarray)
        new[field.name] = value[kept] if rows else tuple(v for v, k in zip(value, kept, strict=True) if k)
    return _with(part, new)


def _without_market(named: NamedCase, _kind: str, name: str) -> NamedCase:
    case, nothing = named.case, np.zeros(named.case.isps)
    if slug(name) == "intraday":
        return replace(
            named, case=replace(case, intraday=replace(case.intraday, buy_depth_kw=nothing, sell_depth_kw=nothing))
        )
    kept = tuple(reserve for reserve in case.reserves if slug(reserve.name) != slug(name))
    if len(kept) == len(case.reserves):
        raise unknown("--without: the market", slug(name), ["intraday", *(slug(r.name) for r in case.reserves)])
    return replace(named, case=replace(case, reserves=kept))


def _without_position(named: NamedCase, _kind: str, name: str) -> NamedCase:
    """Free what a gate had fixed, as if it had not closed."""
    case = named.case
    if slug(name) == "day_ahead":
        free = replace(case.day_ahead, committed_kw=np.full(case.isps, np.nan))
        return replace(named, case=replace(case, day_ahead=free))
    names = [slug(reserve.name) for reserve in case.reserves]
    if slug(name) not in names:
        raise unknown("--without: the position", slug(name), ["day_ahead", *names])
    freed = tuple(
        replace(r, committed_mw=np.full(len(r.committed_mw), np.nan)) if slug(r.name) == slug(name) else r
        for r in case.reserves
    )
    return replace(named, case=replace(case, reserves=freed))


def _without_resource(named: NamedCase, _kind: str, name: str) -> NamedCase:
    for table in ("fixed", "curtailable", "storage", "shiftable", "switched"):
        names = getattr(named, table)
        if name in names:
            kept = np.array([n != name for n in names], dtype=bool)
            case = _with(named.case, {table: _rows(getattr(named.case, table), kept)})
            new: NamedCase = _with(named, {"case": case, table: tuple(n for n in names if n != name)})
            return new
    known = [*named.fixed, *named.curtailable, *named.storage, *named.shiftable, *named.switched]
    raise unknown("--without: the resource", name, known[:20])
