"""What pages and API calls work with; built once by the daemon."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

from agr.domain.errors import InputError
from agr.domain.isp import Clock, Period, period_of
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
from agr.operations.nomination_answers import NominationAnswers
from agr.operations.plan_cache import PlanCache
from agr.operations.point_table import PointTable
from agr.operations.readings import ReadingIntake
from agr.operations.register_edit import RegisterEdits
from agr.operations.resource_programs import ProgramCache
from agr.operations.setpoints import Setpoints
from agr.operations.sight import Sights
from agr.planning.progress import PlanningProgress
from agr.schedule.bidding import Bidding
from agr.settings import Settings
from agr.store.engine import Store
from agr.uftp.participants import Participants


class Flashes:
    """One sentence per session, shown once on the next page."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._said: OrderedDict[str, str] = OrderedDict()

    def say(self, session: str, text: str) -> None:
        """Keep a sentence for the session's next page."""
        with self._lock:
            self._said[session] = text
            while len(self._said) > 1000:
                self._said.popitem(last=False)

    def take(self, session: str) -> str:
        """Return and forget the session's sentence."""
        with self._lock:
            return self._said.pop(session, "")


@dataclass(frozen=True, kw_only=True)
class WebContext:
    """The operators' side of a daemon."""

    store: Store
    settings: Settings
    clock: Clock
    participants: Participants
    progress: PlanningProgress
    authentication: Authentication
    sights: Sights
    actions: Actions
    manual_inputs: ManualInputs
    register_edits: RegisterEdits
    approvals: Approvals
    auction_results: AuctionResults
    nomination_answers: NominationAnswers
    bidding: Bidding
    bid_approval: BidApproval
    intraday_trades: IntradayTrades
    offers: OfferActions
    readings: ReadingIntake
    setpoints: Setpoints
    imbalance: ImbalanceOutlook
    overviews: Overviews  # of execution
    plan_cache: PlanCache
    programs: ProgramCache
    point_table: PointTable
    change_feed: ChangeFeed
    health: Health
    metrics: Callable[[], bytes]
    unsent: Callable[[Period], int]  # D-Prognoses that differ from the plan in force and were not sent
    identity_provider: IdentityProvider | None = None
    guest: str = ""  # name of a viewer who needs no log-in; empty: there is none
    flashes: Flashes = field(default_factory=Flashes)

    def today(self) -> Period:
        """Return the current Period."""
        return period_of(self.clock.now(), self.settings.time_zone, self.settings.isp_minutes)

    def period(self, text: str | None) -> Period:
        """Return the Period of a day YYYY-MM-DD; tomorrow's without one. Raises InputError."""
        if not text:
            return self.today().next()
        try:
            return Period(date.fromisoformat(text), self.settings.time_zone, self.settings.isp_minutes)
        except ValueError as error:
            raise InputError(f"{text!r} is not a Period; write a date such as 2026-03-29") from error
