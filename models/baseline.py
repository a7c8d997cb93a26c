"""The no-flexibility program: what units do if nobody steers them, the yardstick. Numpy only."""

import numpy as np

from models.assembly import assemble, no_prices
from models.block import per_point
from models.case import Case, Floats
from models.objective import ProgramValues
from models.outcome import Headroom, Outcome, Programs, Termination
from models.reachability import change_kwh
from models.resources.fixed import fixed_program_kw
from models.resources.shiftable import run_program_kw
from models.resources.switched import switched_program_kw, unmanaged_on


def no_flexibility(case: Case, *, seconds: dict[str, float] | None = None) -> Outcome:
    """Return the unmanaged program: storage follows unmanaged_kw, nothing is curtailed, runs start first, no free bids.

    Switched units are on as early as they may be, for as long as they must. Pins are not heeded: the yardstick stays
    the same all day. Day-ahead covers the mean need of a free product, intraday what is left, imbalance the rest.
    Awarded capacity and reservations are shortfalls in full. Nothing is known about better programs: the bound is
    infinite.
    """
    programs = _programs(case)
    point_kw = _point_kw(case, programs)
    day_ahead, buy, sell, short, long = _cover(case, point_kw.sum(axis=0))
    none = np.zeros((len(case.reserves), len(case.curtailable.point), case.isps))
    none_storage = np.zeros((len(case.reserves), len(case.storage.point), case.isps))
    at_limit = point_kw[case.limits.point]
    answer = ProgramValues(
        programs=programs,
        called=None,
        headroom=Headroom(
            curtailable_up_kw=none,
            curtailable_down_kw=none,
            storage_up_kw=none_storage,
            storage_down_kw=none_storage,
        ),
        called_headroom=None,
        point_kw=point_kw,
        day_ahead_kw=day_ahead,
        intraday_buy_kw=buy,
        intraday_sell_kw=sell,
        short_kw=short,
        long_kw=long,
        bids_mw=tuple(np.nan_to_num(reserve.committed_mw) for reserve in case.reserves),
        reserve_shortfall_mw=committed_mw(case),
        breach_import_kw=np.maximum(at_limit - case.limits.import_kw, 0.0),
        breach_export_kw=np.maximum(case.limits.export_kw - at_limit, 0.0),
        reservation_shortfall_kw=np.abs(case.reservations.reserved_kw),
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


def committed_mw(case: Case) -> Floats:
    """Return awarded capacity per product and ISP (R,T), 0 where none."""
    result = np.zeros((len(case.reserves), case.isps))
    for r, reserve in enumerate(case.reserves):
        inside = reserve.block >= 0
        result[r, inside] = np.nan_to_num(reserve.committed_mw)[reserve.block[inside]]
    return result


def _programs(case: Case) -> Programs:
    data = case.storage
    charge, discharge = np.maximum(data.unmanaged_kw, 0.0), np.maximum(-data.unmanaged_kw, 0.0)
    change = change_kwh(data, case.isp_hours, charge, discharge)
    low, high = (np.broadcast_to(band, change.shape) for band in (data.energy_min_kwh, data.energy_max_kwh))
    energy, unmet, excess = (np.zeros(change.shape) for _ in range(3))
    before = data.energy_start_kwh
    for t in range(case.isps):
        reached = data.retention * before + change[:, t]
        unmet[:, t] = np.maximum(low[:, t] - reached, 0.0)
        excess[:, t] = np.maximum(reached - high[:, t], 0.0)
        energy[:, t] = before = np.clip(reached, low[:, t], high[:, t])
    return Programs(
        curtailable_kw=case.curtailable.forecast_kw.copy(),
        charge_kw=charge,
        discharge_kw=discharge,
        energy_kwh=energy,
        unmet_kwh=unmet,
        excess_kwh=excess,
        start=case.shiftable.first_start.copy(),
        switched_on=unmanaged_on(case),
    )


def _point_kw(case: Case, programs: Programs) -> Floats:
    return (
        fixed_program_kw(case)
        + per_point(case, case.curtailable.point, programs.curtailable_kw)
        + per_point(case, case.storage.point, programs.storage_kw)
        + per_point(case, case.shiftable.point, run_program_kw(case, programs.start))
        + per_point(case, case.switched.point, switched_program_kw(case.switched, programs.switched_on))
    )


def _cover(case: Case, total_kw: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return day-ahead, intraday buy and sell, short, long (T,) that balance a given program."""
    market, intraday = case.day_ahead, case.intraday
    net = np.nan_to_num(intraday.committed_kw)
    day_ahead = np.nan_to_num(market.committed_kw)
    free = np.isnan(market.committed_kw)
    for number in np.unique(market.product[free]):
        mine = free & (market.product == number)
        need = float((total_kw - net)[mine].mean())
        day_ahead[mine] = np.clip(need, -market.max_sell_kw[mine].min(), market.max_buy_kw[mine].min())
    left = total_kw - day_ahead
    open_isps = np.isnan(intraday.committed_kw)
    buy = np.where(open_isps, np.clip(left, 0.0, intraday.buy_depth_kw), np.maximum(net, 0.0))
    sell = np.where(open_isps, np.clip(-left, 0.0, intraday.sell_depth_kw), np.maximum(-net, 0.0))
    left = left - buy + sell
    return day_ahead, buy, sell, np.maximum(left, 0.0), np.maximum(-left, 0.0)
