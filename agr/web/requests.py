"""Requests of the JSON API. Power in kW, or W where named so."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agr.domain.bid import DAY_AHEAD

Why = Annotated[str, Field(min_length=3, max_length=1000, description="Reason, for the audit log.")]


def _as_written(given: object) -> object:
    """Return a number as a table has it, and null as the empty cell; true and false are no cells."""
    if given is None:
        return ""
    return repr(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


Cell = Annotated[str, Field(max_length=10_000), BeforeValidator(_as_written, json_schema_input_type=str | float | None)]
"""A cell of a table: text, or a JSON number; null is an empty cell."""


def _holds_nul(given: object) -> bool:
    if isinstance(given, dict):
        return any(_holds_nul(one) for pair in given.items() for one in pair)
    if isinstance(given, list):
        return any(_holds_nul(one) for one in given)
    return isinstance(given, str) and "\0" in given


class Given(BaseModel):
    """The body of a request; unknown fields are refused, and what not every store can hold."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, given: object) -> object:
        if _holds_nul(given):
            raise ValueError("a text holds the character NUL; leave it out")
        return given


class Because(Given):
    """A reason."""

    why: Why


class PlanWanted(Because):
    """Plan a Period again."""

    period: date = Field(description="Local day.")
    points: list[Annotated[str, Field(max_length=255)]] = Field(
        default=[], max_length=20_000, description="Only these congestion points may move; empty: all."
    )
    preview: bool = Field(default=True, description="Only show the changes until the plan is sent or discarded.")


class PeriodAct(Because):
    """An action on a Period."""

    period: date


class ReservationGiven(Because):
    """The power still reserved under a contract: a share of the contracted power, or W per ISP."""

    contract: str = Field(min_length=1, max_length=255)
    period: date
    keep_share: float | None = Field(default=None, ge=0, le=1)
    power_w: list[int] | None = Field(default=None, max_length=1500)
    seen: str | None = Field(
        default=None,
        max_length=255,
        description="Origin of the newest update that the caller has seen, or empty; refused if a newer one exists.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "ReservationGiven":
        if (self.keep_share is None) == (self.power_w is None):
            raise ValueError("give exactly one of keep_share and power_w")
        return self


class AwardGiven(Because):
    """What an auction awarded of our bid."""

    market: str = Field(min_length=1, max_length=255, description="day-ahead, or the name of a capacity product.")
    period: date
    mw: list[float] = Field(
        max_length=1500, description="Per ISP for day-ahead, bought positive; per block for a capacity product."
    )
    price_eur_per_mwh: list[float] | None = Field(
        default=None, max_length=1500, description="Prices of the auction per ISP, where the result has them."
    )
    beyond_bid: bool = Field(default=False, description="Accept more than was bid.")
    seen: str | None = Field(
        default=None, max_length=64,
        description="Mark of the position that the caller has seen (GET …/positions); refused if it has changed.",
    )  # fmt: skip


class TradeGiven(Because):
    """An intraday trade."""

    trade: str = Field(min_length=1, max_length=255, description="The identifier that the exchange gave it.")
    start: AwareDatetime = Field(description="When delivery begins, with its UTC offset.")
    minutes: int = Field(default=15, ge=1, le=1500, description="How long it lasts.")
    mw: float = Field(description="Power, bought positive, sold negative.")
    price_eur_per_mwh: float = Field(description="Price.")
    brp: str = Field(default="", max_length=64, description="The BRP that it was made for; empty: the first one.")


class OfferProposed(PeriodAct):
    """An offer that a DSO has not asked for."""

    congestion_point: str = Field(min_length=1, max_length=255, description="Where it would deviate.")
    first: int = Field(ge=1, le=1500, description="First ISP, from 1.")
    count: int = Field(default=1, ge=1, le=1500, description="How many ISPs.")
    power_kw: float = Field(ge=-1e9, le=1e9, description="Deviation from the accepted D-Prognosis; negative: less.")


class BidApproved(PeriodAct):
    """Approval of a bid."""

    market: str = Field(
        default=DAY_AHEAD, min_length=1, max_length=255, description="day-ahead, or the name of a capacity product."
    )

    plan: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="The plan whose bid was seen; refused if another one is in force."
    )


class NominationAnswer(Given):
    """A balance responsible party's answer to an e-program."""

    answer: Literal["accepted", "rejected"]
    why: str = Field(default="", max_length=1000, description="Reason; a rejection needs one.")


class UnavailableGiven(Because):
    """A resource, or a connection with everything behind it."""

    name: str = Field(min_length=1, max_length=255)
    first_day: date
    last_day: date


class Acknowledged(Given):
    """An acknowledgement of an alarm, with what is being done about it, if given."""

    why: str = Field(default="", max_length=1000)


class RowGiven(Because):
    """A row of a table of the register, cell by cell, as a CSV table has it."""

    table: str = Field(min_length=1, max_length=32)
    key: str | None = Field(default=None, max_length=600, description="Of the row to change; none: a new row.")
    cells: dict[Annotated[str, Field(max_length=64)], Cell] = Field(
        max_length=100,
        description="Column → value. What is left out of a new row has its default, of a change what is there now.",
    )
    seen: str | None = Field(
        default=None, max_length=64, description="What GET returned as `seen`; refused if the row has changed since."
    )


class RowNamed(Because):
    """A row of a table of the register."""

    table: str = Field(min_length=1, max_length=32)
    key: str = Field(min_length=1, max_length=600)
    seen: str | None = Field(default=None, max_length=64)


class Barred(Because):
    """Bar a participant, or admit it again."""

    domain: str = Field(min_length=1, max_length=255)
    role: Literal["AGR", "CRO", "DSO"]
    barred: bool = True
