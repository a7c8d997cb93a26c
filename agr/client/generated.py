"""A typed client of the JSON API. Generated from its description by `make client`; not written by hand.

It needs httpx and pydantic, and nothing else of this project: the file may be copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter


class Refused(Exception):  # noqa: N818 - an answer, and no fault of this program
    """The daemon refused a request; `status` is the HTTP status, `error` says what is wrong and what to do."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{error} (HTTP {status})")
        self.status, self.error = status, error


class Acknowledged(BaseModel):
    """An acknowledgement of an alarm, with what is being done about it, if given."""

    model_config = ConfigDict(extra="forbid")

    why: str = ""


class AlarmOut(BaseModel):
    """An open alarm."""

    id: int
    kind: str
    subject: str
    text: str
    raised_at: datetime
    last_at: datetime
    times: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class ApprovalOut(BaseModel):
    """An action that waits for a second person, or waited."""

    id: int
    action: str
    words: str
    why: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    result: str | None


class AskedOut(BaseModel):
    """The outcome of a request for a plan; until it is answered, `plan` is null and `outcome` empty."""

    trigger: int
    period: date
    preview: bool
    plan: int | None
    outcome: str


class AtRiskOut(BaseModel):
    """A promise that the plan in force may not keep, and its worth; null: nobody knows."""

    kind: str
    text: str
    eur: float | None


class AuditEntryOut(BaseModel):
    """One line of the audit log."""

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    why: str
    detail: str


class AwardGiven(BaseModel):
    """What an auction awarded of our bid."""

    model_config = ConfigDict(extra="forbid")

    why: str
    market: str
    period: date
    mw: list[float]
    price_eur_per_mwh: list[float] | None = None
    beyond_bid: bool = False
    seen: str | None = None


class Barred(BaseModel):
    """Bar a participant, or admit it again."""

    model_config = ConfigDict(extra="forbid")

    why: str
    domain: str
    role: Literal["AGR", "CRO", "DSO"]
    barred: bool = True


class Because(BaseModel):
    """A reason."""

    model_config = ConfigDict(extra="forbid")

    why: str


class BidApproved(BaseModel):
    """Approval of a bid."""

    model_config = ConfigDict(extra="forbid")

    why: str
    period: date
    market: str = "day-ahead"
    plan: int | None = None


class BidDeliveryOut(BaseModel):
    """How a bid left through one channel."""

    channel: str
    file_name: str
    state: str
    attempts: int
    delivered_at: datetime | None
    detail: str


class BidOut(BaseModel):
    """A bid."""

    revision: int
    plan: int
    at: datetime
    by: str
    volumes_kw: list[float]
    prices: list[float]
    deliveries: list[BidDeliveryOut]


class BillOut(BaseModel):
    """What is paid at a connection in a Period, in the market's currency; negative: earned."""

    energy_eur: float
    tariff_eur: float
    peak_eur: float
    peak_kw: float
    total_eur: float


class ChargeSessionOut(BaseModel):
    """One charging session, planned or not."""

    resource: str | None
    charge_point: str | None
    began_at: datetime | None
    ended_at: datetime | None
    departure: datetime | None
    needed_kwh: float | None
    delivered_kwh: float | None
    planned_kwh: float | None
    state: str
    standing: str
    deviation_kwh: float | None
    settled_eur: float | None
    causes: dict[str, int]


class DeviceOut(BaseModel):
    """What one device behind a connection is to do."""

    resource: str
    kind: str
    power_kw: list[float]
    stored_kwh: list[float] | None


class LimitedTogetherOut(BaseModel):
    """What limits a connection, or a group of connections around it, per ISP; null: no limit."""

    at: str
    import_limit_kw: list[float | None]
    export_limit_kw: list[float | None]
    drawn_kw: list[float]
    import_breach_kw: list[float]
    export_breach_kw: list[float]


class ConnectionOut(BaseModel):
    """One connection in a plan; lists have a value per ISP."""

    connection: str
    congestion_point: str | None
    period: date
    plan: int
    start: datetime
    isp_minutes: int
    isps: int
    devices: list[DeviceOut]
    power_kw: list[float]
    unmanaged_kw: list[float]
    limits: list[LimitedTogetherOut]
    market_eur_per_mwh: list[float]
    import_eur_per_mwh: list[float]
    export_eur_per_mwh: list[float]
    planned: BillOut
    unmanaged: BillOut
    held_by: list[list[str]]


class StepOut(BaseModel):
    """One moment of a Period."""

    name: str
    at: datetime
    state: str
    result: str


class DayOut(BaseModel):
    """The state of a Period."""

    period: date
    isps: int
    steps: list[StepOut]
    cros: dict[str, str]
    congestion_points: int
    prognoses: dict[str, int]
    plan_in_force: int | None
    at_risk: list[AtRiskOut]
    held: bool


class DeviationOut(BaseModel):
    """Sums over the ISPs that have ended and were measured as a whole; consumption positive."""

    planned_kwh: float
    measured_kwh: float
    deviation_kwh: float
    settled_eur: float | None
    verdicts: dict[str, int]


class Did(BaseModel):
    """The result of an action."""

    text: str
    trigger: int | None = None
    plan: int | None = None
    entry: int | None = None
    approval: int | None = None
    warnings: list[str] = []


class EProgramIsp(BaseModel):
    """One ISP of an e-program; MWh, consumption and purchases positive."""

    isp: int
    start: datetime
    energy_mwh: float
    day_ahead_mwh: float
    intraday_mwh: float
    imbalance_mwh: float


class EProgramOut(BaseModel):
    """A revision with its contents."""

    brp: str
    period: date
    revision: int
    plan: int
    message_id: str
    queued_at: datetime
    state: str
    attempts: int
    sent_at: datetime | None
    detail: str | None
    answered_at: datetime | None
    answer: str | None
    answer_reason: str | None
    isps: list[EProgramIsp]


class EnergyOut(BaseModel):
    """What the registers of a resource have counted in a Period."""

    resource: str
    kwh: list[float | None]
    covered: list[float]
    quality: list[str]


class EnergiesOut(BaseModel):
    """A page of measured energies."""

    period: date
    start: datetime
    isp_minutes: int
    reporting: int
    energies: list[EnergyOut]


class ExecutedChargePointOut(BaseModel):
    """One charge point as it is now, whether a session is planned there or not."""

    charge_point: str
    station: str
    connection: str
    session: str | None
    command: str | None
    command_words: str
    stopped: bool
    back_end_silent: bool
    learnt: str


class ExecutedIspOut(BaseModel):
    """One ISP of one resource."""

    isp: int
    start: datetime
    planned_kwh: float
    measured_kwh: float | None
    quality: str
    verdict: str
    cause: str
    plan: int


class ExecutedPointOut(BaseModel):
    """The resources of one congestion point; kW per ISP, null where nothing was measured."""

    congestion_point: str | None
    judged_resources: int
    resources: int
    sums: DeviationOut
    planned_kw: list[float]
    prognosed_kw: list[float] | None
    planned_of_judged_kw: list[float | None]
    measured_kw: list[float | None]


class ExecutedResourceOut(BaseModel):
    """One resource."""

    resource: str
    connection: str
    congestion_point: str | None
    charge_point: str | None
    sums: DeviationOut
    causes: dict[str, int]
    last_isp: datetime
    last_verdict: str
    last_cause: str
    last_quality: str
    command: str | None
    command_words: str


class ExecutionOut(BaseModel):
    """What became of a Period's plan so far. Each list is a page of `limit` from `offset` on, of so many in all."""

    period: date
    plan: int
    total: DeviationOut
    day_ahead_prices: bool
    matching: int
    resources: list[ExecutedResourceOut]
    points: list[ExecutedPointOut]
    points_in_all: int
    sessions: list[ChargeSessionOut]
    sessions_in_all: int
    charge_points: list[ExecutedChargePointOut]
    charge_points_in_all: int


class ExpectedImbalanceOut(BaseModel):
    """What a Period is expected to end with.

    Per ISP: MWh, shortage positive; money earned positive, null: no price. `planned_mwh`: what no market delivers
    by the plan in force. `deviation_mwh`: what registers have counted in ended ISPs, less the program; resources
    without registers are taken to follow it. `stand_in`: no settlement price is known, so the day-ahead price was
    used.
    """

    period: date
    currency: str
    plan: int
    isps: int
    ended_isps: int
    measured_resources: int
    planned_mwh: list[float | None]
    deviation_mwh: list[float | None]
    eur: list[float | None]
    stand_in: list[bool]
    net_mwh: float
    total_eur: float | None


class ExposureOut(BaseModel):
    """A BRP's exposure to imbalance in a Period.

    Per ISP: MWh, shortage positive; money earned positive. The two risks, what is not bought and what is not
    accepted, are never to be added. null: no price is known, or the BRP has accepted nothing yet.
    """

    brp: str
    balance: str
    revision: int
    state: str
    accepted_revision: int | None
    energy_mwh: list[float | None]
    uncovered_mwh: list[float | None]
    uncovered_eur: list[float | None]
    unaccepted_mwh: list[float | None] | None
    unaccepted_eur: list[float | None] | None


class ExposuresOut(BaseModel):
    """The exposure of every BRP, and the prices it is settled at.

    `stand_in`: no settlement price is known, so the day-ahead price was used. `crossing_mwh`: bought intraday by
    some BRPs while others sell as much, since some are balanced by themselves; `crossing_eur`: the spread on it,
    which the plan's value counts.
    """

    period: date
    currency: str
    isps: int
    shortage_per_mwh: list[float | None]
    surplus_per_mwh: list[float | None]
    stand_in: list[bool]
    crossing_mwh: list[float | None]
    crossing_eur: list[float | None]
    brps: list[ExposureOut]


class Fault(BaseModel):
    """What was wrong."""

    error: str


class FlexIspOut(BaseModel):
    """What a DSO asks for in one ISP."""

    isp: int
    disposition: str
    min_w: int
    max_w: int


class FlexRequestOut(BaseModel):
    """A request of a DSO."""

    message_id: str
    conversation_id: str
    dso: str
    congestion_point: str
    revision: int
    contract: str | None
    received_at: datetime
    expires_at: datetime
    isps: list[FlexIspOut]
    state: str
    priced: bool
    note: str
    unsolicited: bool
    of_limits: bool


class ForecastOut(BaseModel):
    """A Period of a series. A value per ISP, in the series' unit; null: there is none."""

    series: str
    period: date
    as_of: datetime
    run: int | None
    model: str | None
    made_at: datetime | None
    notes: list[str]
    starts: list[datetime]
    mean: list[float | None]
    quantiles: dict[str, list[float | None]]
    given: list[float | None]
    naive: list[float | None]
    actual: list[float | None]


class HistoryOut(BaseModel):
    """Past days. Money earned positive; null: not known. Planning prices, which nobody pays, are in no other column."""

    first: date
    last: date
    by: str
    currency: str
    columns: list[str]
    rows: list[dict[str, str | int | float | None]]


class HoldOut(BaseModel):
    """Whether sending is on hold."""

    held: bool
    automatic: bool
    who: str | None = None
    why: str | None = None
    since: datetime | None = None


class LedgerOut(BaseModel):
    """What open offers may draw on in one ISP, whichever of them are ordered."""

    isp: int
    depth_kw: float
    planned_kw: float
    buy_taken_kw: float
    sell_taken_kw: float
    buy_left_kw: float
    sell_left_kw: float
    reserved_kw: float
    capacity_mw: float


class Me(BaseModel):
    """The caller and its permissions."""

    name: str
    role: str
    scopes: list[str]
    dsos: list[str] = []
    brps: list[str] = []


class MessageOut(BaseModel):
    """One message of the outbox."""

    message_id: str
    conversation_id: str
    type: str
    recipient_domain: str
    recipient_role: str
    period: date | None
    subject: str
    queued_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    detail: str | None
    answer: str | None
    answer_reason: str | None


class MessagesOut(BaseModel):
    """A page of messages."""

    matching: int
    messages: list[MessageOut]


class MeteringOut(BaseModel):
    """The newest Metering message about a connection."""

    dso: str
    connection: str
    revision: int
    isps: int
    kwh: float
    sent_at: datetime
    state: str
    answer: str | None
    answer_reason: str | None


class NominationAnswer(BaseModel):
    """A balance responsible party's answer to an e-program."""

    model_config = ConfigDict(extra="forbid")

    answer: Literal["accepted", "rejected"]
    why: str = ""


class NominationOut(BaseModel):
    """One revision of a BRP's e-program, and what became of it."""

    brp: str
    period: date
    revision: int
    plan: int
    message_id: str
    queued_at: datetime
    state: str
    attempts: int
    sent_at: datetime | None
    detail: str | None
    answered_at: datetime | None
    answer: str | None
    answer_reason: str | None


class OfferOptionOut(BaseModel):
    """An option of an offer."""

    reference: str
    power_w: list[int | None]
    price: float
    min_activation_factor: float


class OfferOut(BaseModel):
    """An offer to a DSO, with what it costs us."""

    message_id: str
    conversation_id: str
    request: str | None
    dso: str
    congestion_point: str
    contract: str | None
    state: str
    state_at: datetime
    expires_at: datetime
    currency: str
    options: list[OfferOptionOut]
    baseline_w: list[int]
    plan: int
    costs: dict[str, float]
    limits: list[str]
    draws_kwh: list[float]
    by: str
    note: str
    of_limits: bool


class OfferProposed(BaseModel):
    """An offer that a DSO has not asked for."""

    model_config = ConfigDict(extra="forbid")

    why: str
    period: date
    congestion_point: str
    first: int
    count: int = 1
    power_kw: float


class SettledOut(BaseModel):
    """What a DSO settles of an order, and what we expect."""

    at: datetime
    price: float
    penalty: float
    net: float
    expected_net: float
    deficiency_kwh: float
    faults: list[str]
    unchecked: int


class OrderOut(BaseModel):
    """An order of a DSO."""

    message_id: str
    order_reference: str
    offer: str
    option: str
    dso: str
    congestion_point: str
    contract: str | None
    state: str
    state_at: datetime
    received_at: datetime
    activation_factor: float
    price: float
    currency: str
    power_w: list[int]
    baseline_w: list[int]
    note: str
    limits_w: list[list[object]]
    program_w: list[int]
    planned_w: list[int] | None
    settled: SettledOut | None


class PeriodAct(BaseModel):
    """An action on a Period."""

    model_config = ConfigDict(extra="forbid")

    why: str
    period: date


class PromisedOut(BaseModel):
    """How reservations at a congestion point hold on days that may come, with what the plan announces."""

    congestion_point: str
    probability: float
    scenarios: int
    days: int
    answered: int
    recounted: int
    met: bool
    margin_kw: float | None
    hedge_eur: float | None
    scenario: int | None
    isp: int | None
    why: str
    within_kw: float | None


class PlanOut(BaseModel):
    """A plan: reasons, value, changes."""

    id: int
    period: date
    created_at: datetime
    state: str
    reasons: list[str]
    predecessor: int | None
    objective_eur: float
    money_eur: float
    flexibility_eur: float
    gap_eur: float | None
    terms_eur: dict[str, float]
    planning_terms: list[str]
    change_eur: dict[str, float] | None
    earned_eur: dict[str, float] | None
    changed_points: int
    moved_kwh: float
    imbalance_mwh: float
    reservation_shortfall_kwh: float
    audit: list[str]
    notes: list[str]
    seconds: float
    promised: list[PromisedOut]


class PlanWanted(BaseModel):
    """Plan a Period again."""

    model_config = ConfigDict(extra="forbid")

    why: str
    period: date
    points: list[str] = []
    preview: bool = True


class PointOut(BaseModel):
    """One congestion point."""

    address: str
    dso: str
    connections: int
    state: str
    revision: int
    accepted: int
    reason: str | None
    peak_kw: float
    reserved_kw: float
    coverage: float | None
    value_eur: float


class ReservedOut(BaseModel):
    """What a plan keeps available for a contract."""

    contract: str
    reserved_kw: list[float]
    shortfall_kwh: float


class RevisionOut(BaseModel):
    """One D-Prognosis."""

    revision: int
    plan: int
    message_id: str
    at: datetime
    state: str
    reason: str | None
    power_w: list[int]


class PointDetail(BaseModel):
    """One congestion point with its series, one value per ISP."""

    point: PointOut
    program_kw: list[float] | None
    called_kw: list[float] | None
    import_limit_kw: list[float | None] | None
    export_limit_kw: list[float | None] | None
    reservations: list[ReservedOut]
    revisions: list[RevisionOut]


class PointsOut(BaseModel):
    """A page of congestion points."""

    matching: int
    total: int
    plan: int | None
    points: list[PointOut]


class PositionOut(BaseModel):
    """A fixed position on a market."""

    market: str
    values: list[float]
    origin: str
    at: datetime
    awarded: bool
    seen: str
    bid: list[float] | None
    bid_origin: str


class ProgramOut(BaseModel):
    """What one resource is to do."""

    resource: str
    kind: str
    connection: str
    congestion_point: str | None
    revision: int | None
    power_kw: list[float]
    stored_kwh: list[float] | None


class ProgramsOut(BaseModel):
    """A page of programs of a Period."""

    period: date
    plan: int
    start: datetime
    isp_minutes: int
    isps: int
    matching: int
    total: int
    programs: list[ProgramOut]


class ReadingFault(BaseModel):
    """A row that does not count."""

    row: int
    state: str
    reason: str


class ReadingGiven(BaseModel):
    """One value of a resource at an instant. What is wrong with it does not keep the other rows."""

    model_config = ConfigDict(extra="forbid")

    resource: str
    at: str
    quantity: str
    value: float | str | None


class ReadingOut(BaseModel):
    """A reading that is stored, in kW or kWh as its quantity says."""

    resource: str
    at: datetime
    quantity: str
    value: float
    received_at: datetime
    by: str


class ReadingsGiven(BaseModel):
    """Readings, in any order."""

    model_config = ConfigDict(extra="forbid")

    readings: list[ReadingGiven]


class ReadingsTaken(BaseModel):
    """What became of the rows."""

    text: str
    stored: int
    known: int
    aside: int
    refused: int
    faults: list[ReadingFault]


class ReservationGiven(BaseModel):
    """The power still reserved under a contract: a share of the contracted power, or W per ISP."""

    model_config = ConfigDict(extra="forbid")

    why: str
    contract: str
    period: date
    keep_share: float | None = None
    power_w: list[int] | None = None
    seen: str | None = None


class ReservationOut(BaseModel):
    """An update of a reservation; the newest of a contract is in force."""

    contract: str
    at: datetime
    origin: str
    power_w: list[int]


class RoundOut(BaseModel):
    """One round of a search."""

    round: int
    bound: float
    value: float | None
    gap: float | None
    seconds: float


class RowGiven(BaseModel):
    """A row of a table of the register, cell by cell, as a CSV table has it."""

    model_config = ConfigDict(extra="forbid")

    why: str
    table: str
    key: str | None = None
    cells: dict[str, str | float | None]
    seen: str | None = None


class RowNamed(BaseModel):
    """A row of a table of the register."""

    model_config = ConfigDict(extra="forbid")

    why: str
    table: str
    key: str
    seen: str | None = None


class RowOut(BaseModel):
    """A row of the register."""

    key: str
    seen: str
    cells: dict[str, str]


class RowsOut(BaseModel):
    """A page of rows of a table of the register."""

    table: str
    matching: int
    rows: list[RowOut]


class RunOut(BaseModel):
    """The run under way, or the last one."""

    number: int
    period: date
    reasons: list[str]
    preview: bool
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    plan: int | None
    rounds: list[RoundOut]


class ScoreOut(BaseModel):
    """How good the forecasts of a model were; null: unknown."""

    model: str
    days: int
    mae: float
    bias: float
    relative_mae: float | None
    crps: float | None
    crps_skill: float | None
    coverage: float | None
    kendall: float | None


class SetpointOut(BaseModel):
    """What a resource is to do from an ISP on, as far as it has changed."""

    resource: str
    connection: str
    congestion_point: str | None
    period: date
    plan: int
    revision: int | None
    isp: int
    start: datetime
    isp_minutes: int
    power_kw: list[float] | None


class SetpointsOut(BaseModel):
    """Changed setpoints; `revision` is what to ask with next time."""

    revision: str
    setpoints: list[SetpointOut]


class TradeGiven(BaseModel):
    """An intraday trade."""

    model_config = ConfigDict(extra="forbid")

    why: str
    trade: str
    start: datetime
    minutes: int = 15
    mw: float
    price_eur_per_mwh: float
    brp: str = ""


class TradeOut(BaseModel):
    """An intraday trade."""

    trade: str
    start: datetime
    minutes: int
    mw: float
    price_eur_per_mwh: float
    at: datetime
    by: str
    cancelled_at: datetime | None
    cancelled_by: str | None
    brp: str


class TradingOut(BaseModel):
    """A Period's trade with DSOs, newest first."""

    requests: list[FlexRequestOut]
    offers: list[OfferOut]
    orders: list[OrderOut]
    ledger: list[LedgerOut]


class UnavailableGiven(BaseModel):
    """A resource, or a connection with everything behind it."""

    model_config = ConfigDict(extra="forbid")

    why: str
    name: str
    first_day: date
    last_day: date


class Client:
    """One daemon. `url` is the address of the operators' page, `token` what `agr accounts token` printed."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 60, verify: Any = True) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None, body: BaseModel | None = None,
    ) -> httpx.Response:  # fmt: skip
        asked = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        said = {name: value for name, value in (headers or {}).items() if value is not None}
        sent = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        answer = self._http.request(method, path, params=asked, headers=said, json=sent)
        if answer.status_code != 200:
            raise Refused(answer.status_code, _error_of(answer))
        return answer

    def alarms(self) -> list[AlarmOut]:
        """Open alarms, newest first."""
        answer = self._ask("GET", "/api/v1/alarms")
        return TypeAdapter[list[AlarmOut]](list[AlarmOut]).validate_json(answer.content)

    def acknowledge(self, alarm: int, given: Acknowledged, *, idempotency_key: str | None = None) -> Did:
        """Acknowledge an alarm."""
        answer = self._ask(
            "POST",
            f"/api/v1/alarms/{quote(_text(alarm), safe='')}/acknowledge",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def approvals(self) -> list[ApprovalOut]:
        """What waits for a second person, oldest first, then what was decided lately."""
        answer = self._ask("GET", "/api/v1/approvals")
        return TypeAdapter[list[ApprovalOut]](list[ApprovalOut]).validate_json(answer.content)

    def approve(self, approval: int, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Approve an action that somebody else asked for: it is done now, in the name of who asked."""
        answer = self._ask(
            "POST",
            f"/api/v1/approvals/{quote(_text(approval), safe='')}/approve",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def refuse(self, approval: int, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Refuse an action that waits for approval, or withdraw one's own."""
        answer = self._ask(
            "POST",
            f"/api/v1/approvals/{quote(_text(approval), safe='')}/refuse",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def asked(self, trigger: int) -> AskedOut:
        """The outcome of a request for a plan."""
        answer = self._ask("GET", f"/api/v1/asked/{quote(_text(trigger), safe='')}")
        return AskedOut.model_validate_json(answer.content)

    def award(self, given: AwardGiven, *, idempotency_key: str | None = None) -> Did:
        """Enter what an auction awarded; the position is that, and the daemon plans again."""
        answer = self._ask("POST", "/api/v1/awards", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def approve_bid(self, given: BidApproved, *, idempotency_key: str | None = None) -> Did:
        """Send the bid of the plan in force on a market, as the next revision if one was sent before."""
        answer = self._ask("POST", "/api/v1/bids", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def day(self, period: date) -> DayOut:
        """The state of a Period."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}")
        return DayOut.model_validate_json(answer.content)

    def bids(self, period: date, *, market: str = "day-ahead") -> list[BidOut]:
        """The bids on a market in a Period, newest first, and how each left."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/bids", query={"market": market})
        return TypeAdapter[list[BidOut]](list[BidOut]).validate_json(answer.content)

    def connection(self, period: date, connection: str, *, plan: int | None = None) -> ConnectionOut:
        """One connection in a plan: its devices, what limits them together, prices with tariffs, and what is paid."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/connections/{quote(_text(connection), safe='')}",
            query={"plan": plan},
        )
        return ConnectionOut.model_validate_json(answer.content)

    def energies(self, period: date, *, resource: str = "", limit: int = 100, offset: int = 0) -> EnergiesOut:
        """The energy per ISP that registers have counted, by resource, in pages."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/energies",
            query={"resource": resource, "limit": limit, "offset": offset},
        )
        return EnergiesOut.model_validate_json(answer.content)

    def execution(self, period: date, *, search: str = "", limit: int = 100, offset: int = 0) -> ExecutionOut:
        """What became of the plan of a Period so far, in pages; resources that match the search, the worst first."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/execution",
            query={"search": search, "limit": limit, "offset": offset},
        )
        return ExecutionOut.model_validate_json(answer.content)

    def of_resource(self, period: date, resource: str) -> list[ExecutedIspOut]:
        """Every ISP of a resource that has ended; none for a resource that was neither measured nor commanded."""
        answer = self._ask(
            "GET", f"/api/v1/days/{quote(_text(period), safe='')}/execution/{quote(_text(resource), safe='')}"
        )
        return TypeAdapter[list[ExecutedIspOut]](list[ExecutedIspOut]).validate_json(answer.content)

    def exposure(self, period: date) -> ExposuresOut:
        """What imbalance may cost: energy that nobody has bought, and energy that a BRP has not accepted, per ISP."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/exposure")
        return ExposuresOut.model_validate_json(answer.content)

    def imbalance(self, period: date) -> ExpectedImbalanceOut:
        """The imbalance expected at the end of a Period, from what was measured so far and the plan in force."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/imbalance")
        return ExpectedImbalanceOut.model_validate_json(answer.content)

    def metering(self, period: date) -> list[MeteringOut]:
        """What DSOs were told that connections have measured in a Period, by DSO and connection."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/metering")
        return TypeAdapter[list[MeteringOut]](list[MeteringOut]).validate_json(answer.content)

    def nominations(self, period: date) -> list[NominationOut]:
        """Every revision of a Period's e-programs, by BRP, oldest first."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/nominations")
        return TypeAdapter[list[NominationOut]](list[NominationOut]).validate_json(answer.content)

    def plans(self, period: date) -> list[PlanOut]:
        """The plans of a Period, newest first."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/plans")
        return TypeAdapter[list[PlanOut]](list[PlanOut]).validate_json(answer.content)

    def points(
        self,
        period: date,
        *,
        search: str = "",
        state: str = "",
        sort: str = "address",
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> PointsOut:
        """Congestion points of a Period: searched, sorted, in pages."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/points",
            query={
                "search": search,
                "state": state,
                "sort": sort,
                "descending": descending,
                "limit": limit,
                "offset": offset,
            },
        )
        return PointsOut.model_validate_json(answer.content)

    def point(self, period: date, address: str) -> PointDetail:
        """One congestion point with its program, revisions, limits and reservations."""
        answer = self._ask(
            "GET", f"/api/v1/days/{quote(_text(period), safe='')}/points/{quote(_text(address), safe='')}"
        )
        return PointDetail.model_validate_json(answer.content)

    def positions(self, period: date) -> list[PositionOut]:
        """Positions that are fixed, with what was bid; kW per ISP, bought positive, or MW per block of capacity."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/positions")
        return TypeAdapter[list[PositionOut]](list[PositionOut]).validate_json(answer.content)

    def programs(
        self, period: date, *, plan: int | None = None, search: str = "", limit: int = 100, offset: int = 0
    ) -> ProgramsOut:
        """What each resource is to do in a Period: searched by name, connection or congestion point, in pages."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/programs",
            query={"plan": plan, "search": search, "limit": limit, "offset": offset},
        )
        return ProgramsOut.model_validate_json(answer.content)

    def programs_csv(self, period: date, *, plan: int | None = None) -> bytes:
        """All programs of a Period as CSV: a row per resource and ISP."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/programs.csv", query={"plan": plan})
        return answer.content

    def programs_parquet(self, period: date, *, plan: int | None = None) -> bytes:
        """All programs of a Period as Parquet: a row per resource, with lists of values."""
        answer = self._ask(
            "GET", f"/api/v1/days/{quote(_text(period), safe='')}/programs.parquet", query={"plan": plan}
        )
        return answer.content

    def readings(self, period: date, resource: str, *, limit: int = 100, offset: int = 0) -> list[ReadingOut]:
        """What was reported of a resource in a Period, newest first, in pages."""
        answer = self._ask(
            "GET",
            f"/api/v1/days/{quote(_text(period), safe='')}/readings",
            query={"resource": resource, "limit": limit, "offset": offset},
        )
        return TypeAdapter[list[ReadingOut]](list[ReadingOut]).validate_json(answer.content)

    def reservations(self, period: date) -> list[ReservationOut]:
        """All updates of a Period's reservations, newest first."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/reservations")
        return TypeAdapter[list[ReservationOut]](list[ReservationOut]).validate_json(answer.content)

    def trades(self, period: date) -> list[TradeOut]:
        """The intraday trades of a Period in the order of their delivery, cancelled ones included."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/trades")
        return TypeAdapter[list[TradeOut]](list[TradeOut]).validate_json(answer.content)

    def trading(self, period: date) -> TradingOut:
        """Requests, offers and orders of a Period, newest first, and what open offers may draw on."""
        answer = self._ask("GET", f"/api/v1/days/{quote(_text(period), safe='')}/trading")
        return TradingOut.model_validate_json(answer.content)

    def scores(self, series: str, *, days: int = 30) -> list[ScoreOut]:
        """How good the newest forecast made before each of the last days was, model by model, best first."""
        answer = self._ask("GET", f"/api/v1/forecasts/{quote(_text(series), safe='')}/scores", query={"days": days})
        return TypeAdapter[list[ScoreOut]](list[ScoreOut]).validate_json(answer.content)

    def forecast(self, series: str, period: str, *, as_of: datetime | None = None) -> ForecastOut:
        """The newest forecast of a Period that was made by a moment, what was given, and what happened."""
        answer = self._ask(
            "GET",
            f"/api/v1/forecasts/{quote(_text(series), safe='')}/{quote(_text(period), safe='')}",
            query={"as_of": as_of},
        )
        return ForecastOut.model_validate_json(answer.content)

    def history(self, *, from_: date | None = None, to: date | None = None, by: str = "day") -> HistoryOut:
        """What past days earned, by the plans in force, and which promises were kept."""
        answer = self._ask("GET", "/api/v1/history", query={"from": from_, "to": to, "by": by})
        return HistoryOut.model_validate_json(answer.content)

    def history_csv(self, *, from_: date | None = None, to: date | None = None, by: str = "day") -> bytes:
        """The same as CSV."""
        answer = self._ask("GET", "/api/v1/history.csv", query={"from": from_, "to": to, "by": by})
        return answer.content

    def history_html(self, *, from_: date | None = None, to: date | None = None) -> bytes:
        """All tables but those by connection and BRP, with a picture, in one file that can be mailed."""
        answer = self._ask("GET", "/api/v1/history.html", query={"from": from_, "to": to})
        return answer.content

    def history_parquet(self, *, from_: date | None = None, to: date | None = None, by: str = "day") -> bytes:
        """The same as Parquet."""
        answer = self._ask("GET", "/api/v1/history.parquet", query={"from": from_, "to": to, "by": by})
        return answer.content

    def held(self) -> HoldOut:
        """Whether sending is on hold."""
        answer = self._ask("GET", "/api/v1/hold")
        return HoldOut.model_validate_json(answer.content)

    def hold(self, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Stop sending D-Prognoses automatically."""
        answer = self._ask("POST", "/api/v1/hold", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def log(
        self,
        *,
        limit: int = 100,
        before: int | None = None,
        who: str = "",
        action: str = "",
        search: str = "",
        first: date | None = None,
        last: date | None = None,
    ) -> list[AuditEntryOut]:
        """The audit log, newest first: of somebody, of one action, with a text, from a first to a last local day."""
        answer = self._ask(
            "GET",
            "/api/v1/log",
            query={
                "limit": limit,
                "before": before,
                "who": who,
                "action": action,
                "search": search,
                "first": first,
                "last": last,
            },
        )
        return TypeAdapter[list[AuditEntryOut]](list[AuditEntryOut]).validate_json(answer.content)

    def log_csv(
        self, *, who: str = "", action: str = "", search: str = "", first: date | None = None, last: date | None = None
    ) -> bytes:
        """The chosen lines of the audit log as CSV, oldest first."""
        answer = self._ask(
            "GET",
            "/api/v1/log.csv",
            query={"who": who, "action": action, "search": search, "first": first, "last": last},
        )
        return answer.content

    def me(self) -> Me:
        """The caller and its permissions."""
        answer = self._ask("GET", "/api/v1/me")
        return Me.model_validate_json(answer.content)

    def messages(self, *, state: str = "", search: str = "", limit: int = 100, offset: int = 0) -> MessagesOut:
        """The outbox, newest first."""
        answer = self._ask(
            "GET", "/api/v1/messages", query={"state": state, "search": search, "limit": limit, "offset": offset}
        )
        return MessagesOut.model_validate_json(answer.content)

    def cancel(self, message_id: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Cancel a queued message."""
        answer = self._ask(
            "POST",
            f"/api/v1/messages/{quote(_text(message_id), safe='')}/cancel",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def resend(self, message_id: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Send a queued or failed message now."""
        answer = self._ask(
            "POST",
            f"/api/v1/messages/{quote(_text(message_id), safe='')}/resend",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def nomination(self, message_id: str) -> EProgramOut:
        """One revision with its contents."""
        answer = self._ask("GET", f"/api/v1/nominations/{quote(_text(message_id), safe='')}")
        return EProgramOut.model_validate_json(answer.content)

    def answer_nomination(self, message_id: str, given: NominationAnswer, *, idempotency_key: str | None = None) -> Did:
        """Accept or reject a revision of an e-program, as its balance responsible party does."""
        answer = self._ask(
            "POST",
            f"/api/v1/nominations/{quote(_text(message_id), safe='')}/answer",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def nomination_csv(self, message_id: str) -> bytes:
        """One revision as CSV, in the layout of the file."""
        answer = self._ask("GET", f"/api/v1/nominations/{quote(_text(message_id), safe='')}/e-program.csv")
        return answer.content

    def propose_offer(self, given: OfferProposed, *, idempotency_key: str | None = None) -> Did:
        """Let an offer of flexibility be priced that a DSO has not asked for."""
        answer = self._ask("POST", "/api/v1/offers", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def discard_offer(self, message_id: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Discard an offer of flexibility that has not left."""
        answer = self._ask(
            "POST",
            f"/api/v1/offers/{quote(_text(message_id), safe='')}/discard",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def revoke_offer(self, message_id: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Revoke an open offer of flexibility."""
        answer = self._ask(
            "POST",
            f"/api/v1/offers/{quote(_text(message_id), safe='')}/revoke",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def send_offer(self, message_id: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Send an offer of flexibility that waits for an operator."""
        answer = self._ask(
            "POST",
            f"/api/v1/offers/{quote(_text(message_id), safe='')}/send",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def bar(self, given: Barred, *, idempotency_key: str | None = None) -> Did:
        """Bar a participant, or admit it again."""
        answer = self._ask("POST", "/api/v1/participants/bar", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def replan(self, given: PlanWanted, *, idempotency_key: str | None = None) -> Did:
        """Plan a Period again; the answer names the trigger to query. Without preview, this needs the scope act."""
        answer = self._ask("POST", "/api/v1/plans", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def plan(self, plan: int) -> PlanOut:
        """One plan."""
        answer = self._ask("GET", f"/api/v1/plans/{quote(_text(plan), safe='')}")
        return PlanOut.model_validate_json(answer.content)

    def discard(self, plan: int, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Discard a preview."""
        answer = self._ask(
            "POST",
            f"/api/v1/plans/{quote(_text(plan), safe='')}/discard",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def send(self, plan: int, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Send a preview."""
        answer = self._ask(
            "POST",
            f"/api/v1/plans/{quote(_text(plan), safe='')}/send",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def take_readings(self, given: ReadingsGiven, *, idempotency_key: str | None = None) -> ReadingsTaken:
        """Store what devices, meters or a back-end have measured; the answer names the rows that do not count."""
        answer = self._ask("POST", "/api/v1/readings", headers={"Idempotency-Key": idempotency_key}, body=given)
        return ReadingsTaken.model_validate_json(answer.content)

    def enter_row(self, given: RowGiven, *, idempotency_key: str | None = None) -> Did:
        """Add a row to the register, or change one, by the rules of `agr import`."""
        answer = self._ask("POST", "/api/v1/register/enter", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def remove_row(self, given: RowNamed, *, idempotency_key: str | None = None) -> Did:
        """Remove a row from the register."""
        answer = self._ask("POST", "/api/v1/register/remove", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def register_rows(self, table: str, *, search: str = "", limit: int = 100, offset: int = 0) -> RowsOut:
        """The rows of a table of the register: those with a text anywhere in their names, in pages."""
        answer = self._ask(
            "GET",
            f"/api/v1/register/{quote(_text(table), safe='')}",
            query={"search": search, "limit": limit, "offset": offset},
        )
        return RowsOut.model_validate_json(answer.content)

    def release(self, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Send D-Prognoses automatically again."""
        answer = self._ask("POST", "/api/v1/release", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def reserve(self, given: ReservationGiven, *, idempotency_key: str | None = None) -> Did:
        """Enter the power that a DSO still reserves; the daemon plans again."""
        answer = self._ask("POST", "/api/v1/reservations", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def run(self) -> RunOut | None:
        """The run under way with its rounds, or the last one; null before the first."""
        answer = self._ask("GET", "/api/v1/run")
        return TypeAdapter[RunOut | None](RunOut | None).validate_json(answer.content)

    def send_waiting(self, given: PeriodAct, *, idempotency_key: str | None = None) -> Did:
        """Send the waiting D-Prognoses once, although sending is on hold or needs approval."""
        answer = self._ask("POST", "/api/v1/send-waiting", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def setpoints(self, *, since: str = "", search: str = "") -> SetpointsOut:
        """What resources are to do today and tomorrow, as far as it has changed; ISPs that are over are left out."""
        answer = self._ask("GET", "/api/v1/setpoints", query={"since": since, "search": search})
        return SetpointsOut.model_validate_json(answer.content)

    def trade(self, given: TradeGiven, *, idempotency_key: str | None = None) -> Did:
        """Enter an intraday trade; the position changes, and the daemon plans again."""
        answer = self._ask("POST", "/api/v1/trades", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def cancel_trade(self, trade: str, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Cancel an intraday trade; the daemon plans again."""
        answer = self._ask(
            "POST",
            f"/api/v1/trades/{quote(_text(trade), safe='')}/cancel",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)

    def make_unavailable(self, given: UnavailableGiven, *, idempotency_key: str | None = None) -> Did:
        """Mark a resource or connection as unavailable; the daemon plans without it."""
        answer = self._ask("POST", "/api/v1/unavailable", headers={"Idempotency-Key": idempotency_key}, body=given)
        return Did.model_validate_json(answer.content)

    def make_available(self, entry: int, given: Because, *, idempotency_key: str | None = None) -> Did:
        """Mark a resource or connection as available again; the daemon plans with it."""
        answer = self._ask(
            "POST",
            f"/api/v1/unavailable/{quote(_text(entry), safe='')}/end",
            headers={"Idempotency-Key": idempotency_key},
            body=given,
        )
        return Did.model_validate_json(answer.content)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error_of(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return answer.text[:500]
    return str(found["error"]) if isinstance(found, dict) and "error" in found else answer.text[:500]
