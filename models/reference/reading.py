"""Reads the solver's numbers back: from variables and duals to an Outcome. No algebra but signs and units of duals."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.assembly import assemble
from models.block import Discrete, Flow, Held, ObjectiveTerm, Values, VariableArray, per_point, reserved_points
from models.case import Case, Direction, Floats
from models.headroom import takes
from models.markets.balancing_capacity import ReserveRows
from models.markets.congestion import LimitRows, ReservationRows
from models.markets.energy import Markets
from models.objective import ProgramValues
from models.outcome import Headroom, Outcome, Programs, Shadow, Termination
from models.reference.mip_search import SearchResult, values_of
from models.resources.curtailable import CurtailableBlock
from models.resources.fixed import fixed_program_kw
from models.resources.shiftable import ShiftableBlock, run_program_kw
from models.resources.storage import StorageBlock
from models.resources.switched import SwitchedBlock, switched_program_kw
from models.solver import Matrix, version


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitBlocks:
    """The classes with variables, planned or called."""

    curtailable: CurtailableBlock
    storage: StorageBlock
    shiftable: ShiftableBlock
    switched: SwitchedBlock

    @property
    def flows(self) -> tuple[Flow, ...]:
        """What they add to congestion points."""
        return (self.curtailable.flow, self.storage.flow, self.shiftable.flow, self.switched.flow)

    @property
    def held(self) -> tuple[Held, ...]:
        """What reserve they hold."""
        return (self.curtailable.held, self.storage.held)

    @property
    def worth(self) -> tuple[ObjectiveTerm, ...]:
        """What they cost and earn."""
        return (*self.curtailable.worth, *self.storage.worth, *self.switched.worth)


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """The stated problem with the handles its answer is read by."""

    model: Any
    units: UnitBlocks
    called: UnitBlocks | None
    markets: Markets
    limits: LimitRows
    reservations: ReservationRows
    reserves: ReserveRows
    worths: tuple[ObjectiveTerm, ...]
    discrete: Discrete


def read_outcome(
    case: Case, problem: Problem, matrix: Matrix, found: SearchResult, seconds: dict[str, float]
) -> Outcome:
    """Return the outcome of the best answer found, which must exist."""
    if found.x is None:
        raise ValueError("nothing was found: there is no answer to read")
    values = values_of(matrix, found.x)
    reached = found.objective - found.bound <= found.gap_allowed
    return assemble(
        case,
        _answer(case, problem, values),
        _shadow(case, problem, matrix, found),
        termination=Termination.OPTIMAL if reached else Termination.TIME_LIMIT,
        bound_eur=-found.bound,
        solver=version(),
        seconds=seconds,
    )


def _answer(case: Case, problem: Problem, values: Values) -> ProgramValues:
    markets = problem.markets
    programs = _programs(case, problem.units, values)
    headroom = _headroom(case, problem.units, values)
    short, long = (cells.spread(values, 1, case.isps)[0] for cells in (markets.short, markets.long))
    buy, sell = _intraday(case, markets, values)
    reservations, reserves = problem.reservations, problem.reserves
    point_kw = (
        fixed_program_kw(case)
        + per_point(case, case.curtailable.point, programs.curtailable_kw)
        + per_point(case, case.storage.point, programs.storage_kw)
        + per_point(case, case.shiftable.point, run_program_kw(case, programs.start))
        + per_point(case, case.switched.point, switched_program_kw(case.switched, programs.switched_on))
    )
    return ProgramValues(
        programs=programs,
        called=None if problem.called is None else _called(case, programs, problem.called, values),
        headroom=headroom,
        called_headroom=None if problem.called is None else _called_headroom(case, headroom, problem.called, values),
        point_kw=point_kw,
        day_ahead_kw=_day_ahead(case, markets, values),
        intraday_buy_kw=buy,
        intraday_sell_kw=sell,
        short_kw=short - np.minimum(short, long),
        long_kw=long - np.minimum(short, long),
        bids_mw=tuple(_bids(case, reserves, r, values) for r in range(len(case.reserves))),
        reserve_shortfall_mw=reserves.shortfall.spread(values, len(case.reserves), case.isps),
        breach_import_kw=np.maximum(point_kw[case.limits.point] - case.limits.import_kw, 0.0),
        breach_export_kw=np.maximum(case.limits.export_kw - point_kw[case.limits.point], 0.0),
        reservation_shortfall_kw=_spread(reservations.shortfall, values, case.reservations.reserved_kw),
    )


def _spread(cells: VariableArray, values: Values, like: Floats) -> Floats:
    return cells.spread(values, *like.shape)


def _programs(case: Case, units: UnitBlocks, values: Values) -> Programs:
    storage, like = units.storage, case.storage.unmanaged_kw
    return Programs(
        curtailable_kw=_spread(units.curtailable.power, values, case.curtailable.forecast_kw),
        charge_kw=_spread(storage.charge, values, like),
        discharge_kw=_spread(storage.discharge, values, like),
        energy_kwh=_spread(storage.energy, values, like),
        unmet_kwh=_spread(storage.unmet, values, like),
        excess_kwh=_spread(storage.excess, values, like),
        start=units.shiftable.starts(values, case.shiftable.first_start),
        switched_on=units.switched.program(values, len(case.switched.point), case.isps),
    )


def _called(case: Case, planned: Programs, units: UnitBlocks, values: Values) -> Programs:
    """Return the called programs; units at other congestion points, and ISPs nobody calls on, keep the plan."""
    called = _programs(case, units, values)
    reserved = reserved_points(case)
    moved = reserved[case.storage.point][:, None]
    curtailed = np.zeros(planned.curtailable_kw.shape, dtype=np.bool_)
    curtailed[units.curtailable.power.unit, units.curtailable.power.isp] = True
    names = ("charge_kw", "discharge_kw", "energy_kwh", "unmet_kwh", "excess_kwh")
    storage = {name: np.where(moved, getattr(called, name), getattr(planned, name)) for name in names}
    return Programs(
        curtailable_kw=np.where(curtailed, called.curtailable_kw, planned.curtailable_kw),
        start=np.where(reserved[case.shiftable.point], called.start, planned.start),
        switched_on=np.where(reserved[case.switched.point][:, None], called.switched_on, planned.switched_on),
        **storage,
    )


def _headroom(case: Case, units: UnitBlocks, values: Values) -> Headroom:
    products = len(case.reserves)
    curtailable = units.curtailable.held.spread(values, products, len(case.curtailable.point), case.isps)
    storage = units.storage.held.spread(values, products, len(case.storage.point), case.isps)
    up, down = (
        np.array([takes(reserve, side) for reserve in case.reserves], dtype=np.bool_).reshape(-1, 1, 1)
        for side in (Direction.UP, Direction.DOWN)
    )
    return Headroom(
        curtailable_up_kw=curtailable * up,
        curtailable_down_kw=curtailable * down,
        storage_up_kw=storage * up,
        storage_down_kw=storage * down,
    )


def _called_headroom(case: Case, planned: Headroom, units: UnitBlocks, values: Values) -> Headroom:
    called = _headroom(case, units, values)
    reserved = reserved_points(case)
    curtailable, storage = (reserved[point][None, :, None] for point in (case.curtailable.point, case.storage.point))
    return Headroom(
        curtailable_up_kw=np.where(curtailable, called.curtailable_up_kw, planned.curtailable_up_kw),
        curtailable_down_kw=np.where(curtailable, called.curtailable_down_kw, planned.curtailable_down_kw),
        storage_up_kw=np.where(storage, called.storage_up_kw, planned.storage_up_kw),
        storage_down_kw=np.where(storage, called.storage_down_kw, planned.storage_down_kw),
    )


def _day_ahead(case: Case, markets: Markets, values: Values) -> Floats:
    positions = np.append(values(markets.day_ahead), 0.0)
    return np.where(
        markets.day_ahead_of >= 0, positions[markets.day_ahead_of], np.nan_to_num(case.day_ahead.committed_kw)
    )


def _intraday(case: Case, markets: Markets, values: Values) -> tuple[Floats, Floats]:
    net = np.nan_to_num(case.intraday.committed_kw)
    buy = markets.buy.spread(values, 1, case.isps)[0] + np.maximum(net, 0.0)
    sell = markets.sell.spread(values, 1, case.isps)[0] + np.maximum(-net, 0.0)
    both = np.minimum(buy, sell)
    return buy - both, sell - both


def _bids(case: Case, rows: ReserveRows, product: int, values: Values) -> Floats:
    reserve = case.reserves[product]
    bids = np.nan_to_num(reserve.committed_mw)
    for (r, block), whole in rows.bids.items():
        if r == product:
            bids[block] = np.round(values([whole.variable])[0]) * reserve.step_mw
    return bids


def _shadow(case: Case, problem: Problem, matrix: Matrix, found: SearchResult) -> Shadow:
    """Turn d cost / d right-hand side (EUR per kW in one ISP) into worths; noise below zero is cut off."""
    per_mwh = 1000 / case.isp_hours

    def dual(rows: list[Any]) -> Floats:
        return found.row_dual[[matrix.row_of[id(row)] for row in rows]] if rows else np.zeros(0)

    limits, reservations, reserves = problem.limits, problem.reservations, problem.reserves
    imports, exports = np.zeros(case.limits.import_kw.shape), np.zeros(case.limits.import_kw.shape)
    imports[limits.breach_import.unit, limits.breach_import.isp] = -dual(limits.import_rows) * per_mwh
    exports[limits.breach_export.unit, limits.breach_export.isp] = -dual(limits.export_rows) * per_mwh
    released = np.zeros(case.reservations.reserved_kw.shape)
    cells = reservations.shortfall
    # Releasing also releases the shortfall: at its upper bound the reduced cost is what that takes away again.
    saved = np.minimum(found.reduced_cost[matrix.columns(cells.variables)], 0.0)
    released[cells.unit, cells.isp] = (np.abs(dual(reservations.rows)) + saved) * per_mwh
    held = np.zeros((len(case.reserves), case.isps))
    np.add.at(held, (reserves.product, reserves.isp), dual(reserves.rows) * 1000)
    return Shadow(
        balance_eur_per_mwh=dual(problem.markets.balance) * per_mwh,
        limit_import_eur_per_mwh=np.maximum(imports, 0.0),
        limit_export_eur_per_mwh=np.maximum(exports, 0.0),
        reservation_eur_per_mwh=np.maximum(released, 0.0),
        reserve_eur_per_mw=np.maximum(held, 0.0),
    )
