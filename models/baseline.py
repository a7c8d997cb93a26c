"""The baseline: the unmanaged program that units run if nobody steers them. Numpy only."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models.arrays import of_rows
from models.assembly import assemble, no_prices
from models.case import UNIT_CLASSES, Case, EnergyMarkets, Floats, Ints
from models.connection_costs import tariff_fields
from models.connection_loads import breach_fields
from models.markets.registry import MARKETS
from models.outcome import Headroom, Outcome, Programs, ProgramValues, Termination, position_fields
from models.reserve_room import SIDES
from models.resources.registry import RESOURCES
from models.resources.switched.states import unmanaged_on
from models.resources.totals import groups_kw, points_kw

__all__ = ["as_it_stands", "no_flexibility", "unmanaged_kw", "unmanaged_of", "unmanaged_on", "unmanaged_programs"]


def as_it_stands(case: Case) -> Case:
    """Return the case whose unmanaged program begins with what the units hold and have begun in fact."""
    arrays: dict[str, Any] = {one.name: one.as_it_stands(case) for one in RESOURCES if one.as_it_stands is not None}
    return replace(case, unmanaged_brought_forward_eur=case.brought_forward_eur, **arrays)


def no_flexibility(case: Case, *, seconds: dict[str, float] | None = None) -> Outcome:
    """Return the outcome of the unmanaged program, without free bids and with an infinite bound.

    Storage follows unmanaged_kw as far as it then still meets its needs, nothing is curtailed, runs start as early as
    they may, and switched units are on as early as they may be, for as long as they must. Pins are not heeded, so that
    the baseline stays the same all day. It goes on from the unmanaged program of the Period before; see `as_it_stands`
    for one that starts from the facts.
    Day-ahead positions cover the mean need of each free product, intraday trades what is left, imbalance the rest.
    Awarded capacity and reservations are shortfalls in full.
    """
    case = replace(_from_before(case), brought_forward_eur=case.unmanaged_brought_forward_eur)
    programs = _programs(case)
    point_kw = points_kw(case, programs)
    covered = (
        _cover(markets, kw)
        for markets, kw in zip(case.energy_markets(), groups_kw(case, programs, point_kw), strict=True)
    )
    settled: dict[str, Any] = position_fields(case, covered)
    for market in MARKETS:
        settled |= {} if market.settled is None else market.settled(case, point_kw)
    settled |= breach_fields(case, programs, {}, None, None) | tariff_fields(case, programs)
    answer = ProgramValues(
        programs=programs,
        called=None,
        headroom=_nothing_held(case),
        called_headroom=None,
        point_kw=point_kw,
        bids_mw=tuple(np.nan_to_num(reserve.committed_mw) for reserve in case.reserves),
        reserve_shortfall_mw=committed_mw(case),
        reservation_shortfall_kw=np.abs(case.reservations.reserved_kw),
        **settled,
    )
    return assemble(
        case,
        answer,
        no_prices(case),
        termination=Termination.NO_PROGRAM,
        bound_eur=np.inf,
        solver="none",
        seconds=dict(seconds or {}),
    )


def unmanaged_programs(case: Case) -> Programs:
    """Return the programs that units run if nobody steers them, going on from those of the Period before."""
    return _programs(_from_before(case))


def unmanaged_kw(case: Case, chosen: Mapping[str, Ints]) -> dict[str, Floats]:
    """Return the unmanaged programs (n,T), kW, of chosen units (n,) of each class; no others are computed."""
    few = _from_before(_few_units(case, chosen))
    programs = _programs(few)
    return {
        one.name: one.power_kw(few, np.arange(one.count(few)), programs.of(one.fields, slice(None)))
        for one in RESOURCES
    }


def _few_units(case: Case, chosen: Mapping[str, Ints]) -> Case:
    """Return the case with chosen units (n,) of each class only, to make unmanaged programs of."""
    rows = [chosen.get(name, np.zeros(0, dtype=np.int64)) for name in UNIT_CLASSES]
    arrays: dict[str, Any] = {name: of_rows(case.units(name), r) for name, r in zip(UNIT_CLASSES, rows, strict=True)}
    return replace(
        case, start=None, remainder=None, connection_limits=case.connection_limits.of_units(rows),
        connection_tariffs=case.connection_tariffs.only(rows), balancing_groups=case.balancing_groups.only(rows),
        **arrays,
    )  # fmt: skip


def unmanaged_of(case: Case, chosen: Mapping[str, Ints]) -> Programs:
    """Return the unmanaged programs of chosen units (n,) of each class from the facts on; those of others are zero."""
    few, found = unmanaged_programs(as_it_stands(_few_units(case, chosen))), dict[str, Any]()
    for one in RESOURCES:
        for name in one.fields:
            mine = getattr(few, name)
            found[name] = np.zeros((one.count(case), *mine.shape[1:]), dtype=mine.dtype)
            found[name][chosen[one.name]] = mine
    return Programs(**found)


def _from_before(case: Case) -> Case:
    arrays: dict[str, Any] = {one.name: one.from_before(case) for one in RESOURCES if one.from_before is not None}
    return replace(case, **arrays)


def _programs(case: Case) -> Programs:
    return Programs(**{name: values for one in RESOURCES for name, values in one.unmanaged(case).items()})


def committed_mw(case: Case) -> Floats:
    """Return the awarded capacity per product and ISP (R,T), MW; 0 where none."""
    result = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        inside = reserve.block >= 0
        result[r, inside] = np.nan_to_num(reserve.committed_mw)[reserve.block[inside]]
    return result


def _nothing_held(case: Case) -> Headroom:
    return Headroom.by_class(
        {
            (one.name, side): np.zeros((len(case.reserves), one.count(case), case.isps))
            for one in RESOURCES
            if one.reserving is not None
            for side in SIDES
        }
    )


def _cover(markets: EnergyMarkets, total_kw: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return day-ahead, intraday buy and sell, short and long (T,), kW, that balance total_kw (T,)."""
    products, intraday = markets.energy_products(), markets.intraday
    net = np.nan_to_num(intraday.committed_kw)
    day_ahead = products.decided_kw.copy()
    for isps, low, high in products.each():
        need = float((total_kw - intraday.settled_kw)[isps].mean())
        day_ahead[isps] = np.clip(need, low, high)
    left = total_kw - day_ahead - intraday.known_kw
    open_isps = np.isnan(intraday.committed_kw)
    buy = np.where(open_isps, np.clip(left, 0.0, intraday.buy_depth_kw), np.maximum(net, 0.0))
    sell = np.where(open_isps, np.clip(-left, 0.0, intraday.sell_depth_kw), np.maximum(-net, 0.0))
    left = left - buy + sell
    return day_ahead, buy, sell, np.maximum(left, 0.0), np.maximum(-left, 0.0)
