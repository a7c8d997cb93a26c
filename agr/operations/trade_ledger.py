"""What open offers draw on, ISP by ISP: intraday depth, and the reserve and FlexOptions that are kept beside them."""

from dataclasses import dataclass

from agr.domain.flexibility import BoundOffer
from agr.domain.flexibility_states import LIVE_OFFERS
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.domain.reserved import after_orders
from agr.operations.flex_offers import TradingDay
from agr.settings import Settings
from agr.store import day, flex_orders, plans, register_summary
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One ISP; power in kW."""

    isp: int
    depth_kw: float  # of the intraday market, either way
    planned_kw: float  # net, bought positive
    buy_taken_kw: float  # that open offers may need
    sell_taken_kw: float
    buy_left_kw: float
    sell_left_kw: float
    reserved_kw: float  # of all FlexOptions, as DSOs still reserve them
    capacity_mw: float  # of all balancing capacity that is bid or awarded, either way


@dataclass(frozen=True, kw_only=True)
class WithoutOrder:
    """What a congestion point would have done without an order, what was ordered, what is planned; W per ISP."""

    order: str
    congestion_point: str
    baseline_w: tuple[int, ...]
    ordered_w: tuple[int, ...]
    planned_w: tuple[int, ...] | None  # by the plan in force; None: there is none


def trade_ledger(tx: Tx, settings: Settings, period: Period, found: TradingDay) -> tuple[LedgerRow, ...]:
    """Return the ledger of a Period: a row for each ISP in which open offers draw on something."""
    from agr.planning.ledger import depth_taken  # imports NumPy's models, which a page without offers need not

    live = [one for one in found.offers if one.state in LIVE_OFFERS]
    if not live:
        return ()
    bound = [
        BoundOffer(
            message_id=one.offer.message_id, congestion_point=one.offer.congestion_point, draws_kwh=one.draws_kwh
        )
        for one in live
    ]  # fmt: skip
    taken = depth_taken(bound, period)
    number = plans.newest_audited(tx, period.day)
    plan = None if number is None else plans.get(tx, number)
    reserved_w = _reserved_w(tx, period)
    depth = settings.markets.intraday.depth_kw
    offered = {
        isp
        for one in live
        for option in one.offer.options
        for isp, power in enumerate(option.power_w, start=1)
        if power
    }
    rows = []
    for isp in range(1, period.isp_count + 1):
        buy, sell = float(taken.buy_kw[isp - 1]), float(taken.sell_kw[isp - 1])
        if not (buy or sell or isp in offered):
            continue
        net = plan.positions.intraday_kw[isp - 1] if plan is not None and plan.positions.intraday_kw else 0.0
        rows.append(
            LedgerRow(
                isp=isp, depth_kw=depth, planned_kw=net, buy_taken_kw=buy, sell_taken_kw=sell,
                buy_left_kw=max(depth - max(net, 0.0) - buy, 0.0), sell_left_kw=max(depth - max(-net, 0.0) - sell, 0.0),
                reserved_kw=reserved_w[isp - 1] / 1000,
                capacity_mw=_capacity_mw(plan, period, isp),
            )
        )  # fmt: skip
    return tuple(rows)


def _reserved_w(tx: Tx, period: Period) -> list[int]:
    """Return what all contracts together reserve, W per ISP: as updated, else as contracted, less what is ordered."""
    updates, orders = day.reservations_on(tx, period.day), flex_orders.obligations(tx, period)
    total = [0] * period.isp_count
    for contract in register_summary.contracts(tx):
        now = updates.get(contract.contract, contract.contracted_w(period))
        left = after_orders(contract.contract, now, orders).callable_w
        total = [watts + abs(more) for watts, more in zip(total, left, strict=True)]
    return total


def _capacity_mw(plan: Plan | None, period: Period, isp: int) -> float:
    """Return the balancing capacity of an ISP: blocks are equal parts of the local day."""
    if plan is None:
        return 0.0
    hour = period.isp_start(isp).astimezone(period.tz).hour
    return sum(blocks[hour * len(blocks) // 24] for blocks in plan.positions.bids_mw.values() if blocks)


def without_orders(tx: Tx, period: Period, found: TradingDay) -> tuple[WithoutOrder, ...]:
    """Return for every order what its congestion point would have done without it."""
    if not found.orders:
        return ()
    number = plans.newest_audited(tx, period.day)
    plan = None if number is None else plans.get(tx, number)
    planned = {} if plan is None else {point.address: point.power_w for point in plan.points}
    return tuple(
        WithoutOrder(
            order=stored.order.order_reference, congestion_point=stored.order.congestion_point,
            baseline_w=stored.obligation.baseline_w, ordered_w=flex_orders.bound_by(tx, stored).program_w,
            planned_w=planned.get(stored.order.congestion_point),
        )
        for stored in found.orders
    )  # fmt: skip
