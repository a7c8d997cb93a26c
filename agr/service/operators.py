"""The operators' side of the daemon: wires the page and the API to the stages."""

from collections.abc import Callable
from functools import partial

from agr.domain.isp import Clock
from agr.operations.accounts.authentication import Authentication
from agr.operations.accounts.identity_provider import IdentityProvider
from agr.operations.actions import Actions
from agr.operations.approvals import Approvals
from agr.operations.auction_results import AuctionResults
from agr.operations.bid_approval import BidApproval
from agr.operations.change_feed import ChangeFeed
from agr.operations.execution.kept import Overviews
from agr.operations.expected_imbalance import ImbalanceOutlook
from agr.operations.flex_offers import OfferActions
from agr.operations.health import Health
from agr.operations.intraday_trades import IntradayTrades
from agr.operations.manual_inputs import ManualInputs
from agr.operations.metrics import Metrics
from agr.operations.nomination_answers import NominationAnswers
from agr.operations.plan_cache import PlanCache
from agr.operations.point_table import PointTable
from agr.operations.program_folder import ProgramFolder
from agr.operations.readings import ReadingIntake
from agr.operations.register_edit import RegisterEdits
from agr.operations.resource_programs import ProgramCache
from agr.operations.setpoints import Setpoints
from agr.operations.sight import Sights
from agr.operations.unsent import Unsent
from agr.service.loops import Loops
from agr.service.stages import Stages
from agr.settings import Settings
from agr.store.engine import Store
from agr.web.context import WebContext

_PROGRAMS_S = 5.0


def operators_side(
    store: Store, settings: Settings, clock: Clock, stages: Stages, loops: Loops, *, authentication: Authentication,
    metrics: Metrics, endpoint_runs: Callable[[], bool], guest: str,
) -> WebContext:  # fmt: skip
    """Return what pages and API calls work with; adds the loop that keeps programs as files."""
    plan_cache = PlanCache(store)
    programs = ProgramCache(store, plan_cache)
    if settings.programs.folder is not None:
        loops.wake_for("programs", ProgramFolder(store, settings, clock, programs).look, pause_s=_PROGRAMS_S)
    inputs = (store, settings, clock, loops.wake)
    taken = ReadingIntake(*inputs)
    return WebContext(
        store=store, settings=settings, clock=clock, participants=stages.participants,
        progress=stages.planner.progress, authentication=authentication, plan_cache=plan_cache, programs=programs,
        sights=Sights(store, settings),
        actions=Actions(
            store, settings, clock, stages.publisher, stages.participants, closed_isps=stages.planner.closed_isps,
            nominate=partial(stages.nominator.nominate, by_hand=True), wake=loops.wake,
        ),
        manual_inputs=ManualInputs(*inputs), register_edits=RegisterEdits(*inputs),
        approvals=Approvals(*inputs, authentication),
        auction_results=AuctionResults(*inputs), nomination_answers=NominationAnswers(*inputs),
        bidding=stages.bidding, bid_approval=BidApproval(*inputs, stages.bidding),
        intraday_trades=IntradayTrades(*inputs), offers=OfferActions(*inputs, stages.offering), readings=taken,
        setpoints=Setpoints(store, settings, clock, programs),
        imbalance=ImbalanceOutlook(store, settings, clock, plan_cache, programs, taken),
        overviews=Overviews(store, settings, clock, programs),
        point_table=PointTable(store, plan_cache), change_feed=ChangeFeed(store, stages.planner.progress),
        health=Health(store=store, parts={**loops.running(), "endpoint": endpoint_runs}), metrics=metrics.text,
        unsent=Unsent(store, settings, stages.publisher, plan_cache, stages.planner.closed_isps).count, guest=guest,
        identity_provider=IdentityProvider(settings.operators.oidc) if settings.operators.oidc else None,
    )  # fmt: skip
