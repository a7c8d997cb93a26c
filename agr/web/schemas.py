"""What the JSON API takes and gives. Power in kW (W where named so), money in the market's currency."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Why = Annotated[str, Field(min_length=3, max_length=1000, description="Why: it goes into the audit log.")]
Identifier = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Given(BaseModel):
    """What a request carries: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Because(Given):
    """A reason."""

    why: Why


class PlanWanted(Because):
    """Optimise a Period again."""

    period: date = Field(description="Local day.")
    points: list[Annotated[str, Field(max_length=255)]] = Field(
        default=[], max_length=20_000, description="Only these congestion points may move; empty: all."
    )
    preview: bool = Field(default=True, description="Only show what would change, until it is sent or discarded.")


class PeriodAct(Because):
    """Something about a Period."""

    period: date


class ReservationGiven(Because):
    """What is still reserved of a contract: a share of what is contracted, or W per ISP."""

    contract: str = Field(min_length=1, max_length=255)
    period: date
    keep_share: float | None = Field(default=None, ge=0, le=1)
    power_w: list[int] | None = Field(default=None, max_length=1500)
    seen: str | None = Field(
        default=None,
        max_length=255,
        description="Origin of the newest word on it that the caller knows, or empty; refused where it is not.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "ReservationGiven":
        if (self.keep_share is None) == (self.power_w is None):
            raise ValueError("give exactly one of keep_share and power_w")
        return self


class UnavailableGiven(Because):
    """A resource, or a connection with all that is behind it."""

    name: str = Field(min_length=1, max_length=255)
    first_day: date
    last_day: date


class Acknowledged(Given):
    """Who takes an alarm on may say what is being done."""

    why: str = Field(default="", max_length=1000)


class Barred(Because):
    """Bar a participant, or let it in again."""

    domain: str = Field(min_length=1, max_length=255)
    role: Literal["AGR", "CRO", "DSO"]
    barred: bool = True


class Fault(BaseModel):
    """What was wrong, in words."""

    error: str


class Did(BaseModel):
    """What came of an action."""

    text: str
    trigger: int | None = None
    plan: int | None = None
    entry: int | None = None


class Me(BaseModel):
    """Who the caller is and may do what."""

    name: str
    role: str
    scopes: list[str]


class StepOut(BaseModel):
    """One moment of a Period."""

    name: str
    at: datetime
    state: str
    result: str


class DayOut(BaseModel):
    """How a Period stands."""

    period: date
    isps: int
    steps: list[StepOut]
    cros: dict[str, str]
    congestion_points: int
    prognoses: dict[str, int]
    plan_in_force: int | None
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
    """What a plan keeps free for a contract."""

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


class PlanOut(BaseModel):
    """A plan: why it was made, what it is worth, what it changed."""

    id: int
    period: date
    created_at: datetime
    state: str
    reasons: list[str]
    predecessor: int | None
    objective_eur: float
    flexibility_eur: float
    gap_eur: float | None  # null: no bound was proven
    terms_eur: dict[str, float]
    change_eur: dict[str, float] | None
    changed_points: int
    moved_kwh: float
    imbalance_mwh: float
    reservation_shortfall_kwh: float
    audit: list[str]
    notes: list[str]
    seconds: float


class AskedOut(BaseModel):
    """What became of a plan that was asked for; `plan` is null and `outcome` empty until it is answered."""

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
    """One word on what is still reserved; the newest of a contract counts."""

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
