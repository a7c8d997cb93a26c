"""One congestion point of the plan in force under today's facts, while its day runs; all others as that plan has them.

What others were measured to do otherwise is for the next plan: an offer is priced beside what is planned. So it takes
no longer in a large portfolio, and uses what is measured now. Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from agr.domain.errors import PlanError
from agr.domain.flexibility import NoOffer
from agr.domain.isp import Period
from agr.domain.register import CongestionPoint, Register
from agr.planning.case import build
from agr.planning.case.backing import pays_alone
from agr.planning.difference import Solved
from agr.planning.in_force import comparable, going_on
from agr.planning.plan_loader import places
from agr.planning.point_inputs import PointInputs, part_of, with_others
from agr.settings import Settings
from agr.store import plans as stored_plans
from agr.store import portfolio, register, register_rows
from agr.store.engine import Tx
from agr.trading.intraday import lost, running
from agr.trading.kept_plans import KeptPlans


def point_today(
    tx: Tx, settings: Settings, period: Period, now: datetime, point: CongestionPoint, in_force: int, kept: KeptPlans
) -> Solved | NoOffer | None:  # fmt: skip
    """Return a congestion point under today's facts, or why it gets no offer; None where all others must be looked at.

    That is where balancing groups share what the markets give, where a limit counts connections elsewhere, where
    trades are limited to what all resources can do, and where resources have come from or gone to another point.
    """
    here = replace(point, connections=tuple(sorted(portfolio.connections_at(tx, period.day, (point.address,)))))
    known = register.at_point(tx, point.address, here.connections)
    if any(brp.balance == "itself" for brp in settings.brps) or any(c.limit_group for c in known.connections):
        return None
    parts = _parts(tx, period, known, point.address, in_force, kept)
    if parts is None:
        return None
    run = running(PointInputs(tx, here, known, parts), settings, period, now)
    if isinstance(run, NoOffer):
        return run
    before = parts[in_force]
    others_kw = before.outcome.total_kw - before.outcome.point_kw[0]
    unlimited = run.inputs.markets.model_copy(update={"speculation": True})  # by what resources of the point can do
    try:
        named = build(with_others(replace(run.inputs, markets=unlimited), others_kw))
    except PlanError as error:
        return NoOffer(reason=str(error))
    if not comparable(before, named):
        return NoOffer(reason="the plan in force cannot be compared with today's facts; wait for the next plan")
    case, was = named.case, before.named.case
    same_products = [one.name for one in case.reserves] == [one.name for one in was.reserves]
    if not same_products or (pays_alone(case).any() and not settings.markets.speculation):
        return None
    solved, left = going_on(before, replace(named, case=replace(case, remainder=was.remainder)))
    return lost(left) if left else solved


def _parts(
    tx: Tx, period: Period, known: Register, address: str, in_force: int, kept: KeptPlans
) -> Mapping[int, Solved] | None:  # fmt: skip
    """Return the point's parts of the plan in force and of that of the day before; None where they are not enough."""
    from models.part import divisible

    found: dict[int, Solved] = {}
    here = {row.resource for row in known.resources}
    earlier = period.previous().day
    for day, number in ((period.day, in_force), (earlier, stored_plans.newest_audited(tx, earlier))):
        if number is None:
            continue
        whole = kept.plan(tx, day, number)
        named = whole.solved.named
        if address not in named.case.points or not divisible(named.case, places(named, (address,)), tariffs=True):
            return None
        part = part_of(whole.solved, address)
        mine = {name for names in part.named.names.values() for name in names}
        moved_here = (here - mine) & whole.resources
        moved_away = register_rows.resources_named(tx, mine - here)
        if moved_here or moved_away:
            return None
        found[number] = part
    return found
