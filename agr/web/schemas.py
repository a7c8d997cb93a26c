"""Responses of the JSON API. Power in kW, or W where named so; money in the market's currency."""

from datetime import date, datetime

from pydantic import BaseModel


class Fault(BaseModel):
    """What was wrong."""

    error: str


class Did(BaseModel):
    """The result of an action."""

    text: str
    trigger: int | None = None
    plan: int | None = None
    entry: int | None = None
    approval: int | None = None  # not done yet: it waits for a second person under this number
    warnings: list[str] = []  # what is doubtful in what was entered


class ApprovalOut(BaseModel):
    """An action that waits for a second person, or waited."""

    id: int
    action: str
    words: str  # what it would do, with its values
    why: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: str  # waiting | approved | done | failed | refused | expired
    decided_by: str | None
    decided_at: datetime | None
    result: str | None


class Me(BaseModel):
    """The caller and its permissions."""

    name: str
    role: str
    scopes: list[str]
    dsos: list[str] = []  # DSOs that the caller acts for; empty: all
    brps: list[str] = []  # balance responsible parties that the caller acts for; empty: all


class StepOut(BaseModel):
    """One moment of a Period."""

    name: str
    at: datetime
    state: str
    result: str


class AtRiskOut(BaseModel):
    """A promise that the plan in force may not keep, and its worth; null: nobody knows."""

    kind: str
    text: str
    eur: float | None


class DayOut(BaseModel):
    """The state of a Period."""

    period: date
    isps: int
    steps: list[StepOut]
    cros: dict[str, str]
    congestion_points: int
    prognoses: dict[str, int]
    plan_in_force: int | None
    at_risk: list[AtRiskOut]  # the dearest first
    held: bool


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


class PointsOut(BaseModel):
    """A page of congestion points."""

    matching: int
    total: int
    plan: int | None
    points: list[PointOut]


class RevisionOut(BaseModel):
    """One D-Prognosis."""

    revision: int
    plan: int
    message_id: str
    at: datetime
    state: str
    reason: str | None
    power_w: list[int]


class ReservedOut(BaseModel):
    """What a plan keeps available for a contract."""

    contract: str
    reserved_kw: list[float]
    shortfall_kwh: float


class PointDetail(BaseModel):
    """One congestion point with its series, one value per ISP."""

    point: PointOut
    program_kw: list[float] | None
    called_kw: list[float] | None
    import_limit_kw: list[float | None] | None
    export_limit_kw: list[float | None] | None
    reservations: list[ReservedOut]
    revisions: list[RevisionOut]


class PromisedOut(BaseModel):
    """How reservations at a congestion point hold on days that may come, with what the plan announces."""

    congestion_point: str
    probability: float  # asked for
    scenarios: int  # days that were planned for
    days: int  # other days on which it was counted
    answered: int  # of these, those on which a call would be answered
    recounted: int  # of the days, those that were counted a second time by another method
    met: bool  # whether that is no less than chance explains
    margin_kw: float | None  # null: what was announced before stays
    hedge_eur: float | None  # what keeping the promise costs; null likewise
    scenario: int | None  # from 1, in which the promise binds
    isp: int | None  # from 1
    why: str  # what is special about that scenario
    within_kw: float | None  # on the share of days asked for, kept to within this in ISPs that may be called


class PlanOut(BaseModel):
    """A plan: reasons, value, changes."""

    id: int
    period: date
    created_at: datetime
    state: str
    reasons: list[str]
    predecessor: int | None
    objective_eur: float
    money_eur: float  # the objective without planning prices, which nobody pays
    flexibility_eur: float
    gap_eur: float | None  # null: no bound was proven
    terms_eur: dict[str, float]
    planning_terms: list[str]  # those of the terms that are planning prices
    change_eur: dict[str, float] | None  # against the predecessor: new facts and the change of the program
    earned_eur: dict[str, float] | None  # of that, what the change of the program earned under the same facts
    changed_points: int
    moved_kwh: float
    imbalance_mwh: float
    reservation_shortfall_kwh: float
    audit: list[str]
    notes: list[str]
    seconds: float
    promised: list[PromisedOut]  # reservations that are planned by probability


class AskedOut(BaseModel):
    """The outcome of a request for a plan; until it is answered, `plan` is null and `outcome` empty."""

    trigger: int
    period: date
    preview: bool
    plan: int | None
    outcome: str


class RoundOut(BaseModel):
    """One round of a search."""

    round: int
    bound: float
    value: float | None
    gap: float | None
    seconds: float


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


class ReservationOut(BaseModel):
    """An update of a reservation; the newest of a contract is in force."""

    contract: str
    at: datetime
    origin: str
    power_w: list[int]


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


class AuditEntryOut(BaseModel):
    """One line of the audit log."""

    id: int
    at: datetime
    who: str
    action: str
    subject: str
    why: str
    detail: str


class HoldOut(BaseModel):
    """Whether sending is on hold."""

    held: bool
    automatic: bool
    who: str | None = None
    why: str | None = None
    since: datetime | None = None
