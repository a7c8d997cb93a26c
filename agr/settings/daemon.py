"""The whole configuration of the daemon, and the sections that govern its own work."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from agr.domain.errors import InputError
from agr.domain.faults import meant
from agr.domain.isp import zone
from agr.settings.bids import Bids
from agr.settings.brps import Brp, brp_faults
from agr.settings.compute import Compute
from agr.settings.discovery import Discovery
from agr.settings.dispatch import DispatchSettings
from agr.settings.execution import ExecutionSettings
from agr.settings.expected_sessions import ExpectedSessions
from agr.settings.feeds import Feed, RecordFeed
from agr.settings.forecasts import Forecasts
from agr.settings.gopacs import Gopacs
from agr.settings.markets import Markets, isp_faults
from agr.settings.messages import Delivery, MessageLimits, Publication
from agr.settings.operators import Alarms, Operators
from agr.settings.partners import ParticipantSettings
from agr.settings.promises import Promises
from agr.settings.rolling import Rolling
from agr.settings.section import Domain, Seconds, Section, WebAddress
from agr.settings.security import Tls
from agr.settings.setpoints import SetpointSettings
from agr.settings.timetable import Timetable
from agr.settings.trading import Trading


def _zone_name(value: str) -> str:
    try:
        zone(value)
    except InputError as error:
        raise ValueError(str(error)) from error
    return value


ZoneName = Annotated[str, AfterValidator(_zone_name)]


class Planning(Section):
    """How plans are made."""

    method: Literal["auto", "reference", "decomposition"] = Field(
        default="auto",
        description="How plans are optimised; auto: decomposed, in small portfolios improved by the reference.",
    )
    relative_gap: float = Field(
        default=1e-4, gt=0, lt=1, description="A plan may be worth less than the bound by this share of gross cost."
    )
    decomposed_gap: float = Field(
        default=1e-3, gt=0, lt=1, description="The same for plans of the decomposed optimiser."
    )
    time_limit_s: Seconds = Field(
        default=60,
        description="Time limit of one solve, in seconds of processor time: a busy machine shortens no search. One "
        "whose best plan breaks promises goes on as long again; 0.8 of the budget ends it at the latest.",
    )
    threads: int = Field(default=2, ge=1, le=256, description="Threads of one solve.")
    comfort_shortfall_eur_per_kwh: float = Field(
        default=10, ge=0, description="Planning price of energy that a customer needs and does not get."
    )
    join_triggers_s: float = Field(
        default=3, ge=0, description="Wait this long for further triggers before planning again."
    )
    budget_s: Seconds = Field(
        default=300,
        description="A solve that takes longer than this by the clock ends with the best program that it had, if only "
        "the one without steering; waiting for a free process, and compiling after an upgrade, do not count.",
    )
    stale_portfolio: Literal["refuse", "use yesterday"] = Field(
        default="refuse",
        description="If no CRO has answered at the last call: refuse to plan, or use yesterday's list and say so.",
    )
    measured_max_age_s: float = Field(
        default=3600, ge=0, description="A plan begins with a state of charge that was reported, unless it is older."
    )
    look_ahead_days: int = Field(
        default=0, ge=0, le=2,
        description="Days after the Period whose expected prices say what batteries and buffers hold at its end is "
        "worth; 0: only what is entered.",
    )  # fmt: skip
    customers_worse_off: bool = Field(
        default=True,
        description="Whether a plan may make a customer with a tariff pay more than without being steered.",
    )
    workers: int = Field(default=1, ge=1, le=64, description="Planning processes; they price offers, too.")
    failed_cases_folder: Path | None = Field(
        default=None,
        description="Where the cases of failed solves are kept; none: `failed-cases` in data_folder, or in `runs`.",
    )
    failed_cases_kept: int = Field(default=20, ge=2, le=1000, description="How many of them are kept, newest first.")
    rolling: Rolling = Field(default=Rolling(), description="Re-planning while the Period runs.")
    sessions: ExpectedSessions = Field(
        default=ExpectedSessions(), description="Charging sessions that are not known yet."
    )
    promises: Promises = Field(default=Promises(), description="Reservations that hold with a probability.")


class Readings(Section):
    """What is accepted of what devices report."""

    clock_ahead_s: float = Field(
        default=120, ge=0,
        description="A device's clock may be this much ahead of ours, that of a charge station this much off.",
    )  # fmt: skip
    oldest_days: int = Field(default=31, ge=1, le=3650, description="Older readings are refused.")
    longest_gap_minutes: float = Field(
        default=60, ge=1, le=1440, description="Energy is not interpolated between readings further apart than this."
    )


class Retention(Section):
    """How long data are kept."""

    messages_days: int = Field(default=400, ge=1, description="Messages sent and received.")
    plans_days: int = Field(default=730, ge=1, description="Plans and their audits.")
    personal_days: int = Field(
        default=400, ge=1, description="Connections, forecasts and programs of resources, and values in the audit log."
    )


class ProgramFiles(Section):
    """Where the programs of resources are written, for systems that fetch files."""

    folder: Path | None = Field(
        default=None, description="A file per Period is kept here, programs-DAY.csv or .parquet; none: no files."
    )
    format: Literal["csv", "parquet"] = Field(
        default="csv", description="csv: a row per resource and ISP; parquet: a row per resource, with lists of values."
    )


class Settings(Section):
    """The whole configuration. Environment variables (AGR_…, nested with __) win over the file; see `load`."""

    domain: Domain = Field(description="Our internet domain, as in SenderDomain.")
    key_file: Path = Field(default=Path("keys/agr.key"), description="File with our private signing key.")
    key_passphrase_file: Path | None = Field(
        default=None, description="File with the passphrase of an encrypted key, e.g. a systemd credential."
    )
    data_folder: Path = Field(default=Path("data"), description="Where the daemon keeps its files.")
    store_url: str = Field(
        default="sqlite:///data/agr.db", min_length=1, description="Database: sqlite:///FILE or postgresql+psycopg://…"
    )
    listen_host: str = Field(default="127.0.0.1", min_length=1, description="Address the web server listens on.")
    listen_port: int = Field(
        default=8080, ge=0, le=65535, description="Port the web server listens on; 0: any free one."
    )
    public_url: WebAddress | None = Field(
        default=None,
        description="Where counterparties reach us, if that differs from the address we listen on.",
    )
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$", description="Currency of every price, ISO 4217.")
    time_zone: ZoneName = Field(default="Europe/Amsterdam", description="The market's time zone (IANA name).")
    isp_minutes: int = Field(default=15, ge=1, le=60, description="Length of an ISP; must divide an hour.")
    participants: tuple[ParticipantSettings, ...] = Field(default=(), description="Whom we exchange messages with.")
    timetable: Timetable = Field(default=Timetable(), description="Moments of the market day.")
    markets: Markets = Field(default=Markets(), description="The markets we trade on.")
    planning: Planning = Field(default=Planning(), description="How plans are made.")
    compute: Compute = Field(default=Compute(), description="Where the mathematics are computed.")
    publication: Publication = Field(default=Publication(), description="Which changes are sent.")
    readings: Readings = Field(default=Readings(), description="What is accepted of what devices report.")
    setpoints: SetpointSettings = Field(
        default=SetpointSettings(), description="How back-ends hear of changed setpoints."
    )
    dispatch: DispatchSettings = Field(
        default=DispatchSettings(), description="How plans are carried out at charge points."
    )
    execution: ExecutionSettings = Field(
        default=ExecutionSettings(), description="Which deviations from plans raise an alarm."
    )
    programs: ProgramFiles = Field(default=ProgramFiles(), description="Programs of resources as files.")
    brps: tuple[Brp, ...] = Field(
        default=(),
        description="Who is balance responsible for our connections; the first: where the table is silent.",
    )
    feeds: tuple[Feed, ...] = Field(default=(), description="Sources of prices and forecasts.")
    forecasts: Forecasts = Field(default=Forecasts(), description="Forecasts of our own.")
    bids: Bids = Field(default=Bids(), description="Our day-ahead bids: when they leave, and where to.")
    trading: Trading = Field(default=Trading(), description="How flexibility is sold to DSOs.")
    gopacs: Gopacs | None = Field(default=None, description="Trade through GOPACS; none: no such trade.")
    retention: Retention = Field(default=Retention(), description="How long data are kept.")
    limits: MessageLimits = Field(default=MessageLimits(), description="Largest messages accepted.")
    delivery: Delivery = Field(default=Delivery(), description="How sending is retried.")
    operators: Operators = Field(default=Operators(), description="The operators' page and the JSON API.")
    alarms: Alarms = Field(default=Alarms(), description="When alarms are raised, and where they are sent.")
    tls: Tls = Field(default=Tls(), description="Certificates.")
    discovery: Discovery = Field(default=Discovery(), description="Keys and endpoints from the DNS.")

    @property
    def asks_cros(self) -> bool:
        """Whether a CRO tells us the congestion points; without one, our own table says all of them."""
        return any(participant.role == "CRO" for participant in self.participants)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Settings":
        faults = [
            *isp_faults(self.isp_minutes, self.markets),
            *_twice("participants", [f"{p.domain} ({p.role})" for p in self.participants]),
            *_twice("feeds", [feed.name for feed in self.feeds]),
            *_unknown_participants(self),
            *brp_faults(self.brps),
            *_operators_elsewhere(self),
        ]
        faults += [
            f"markets.capacity: {product.name}'s gate ({product.gate.at:%H:%M}) comes before timetable.first_plan, "
            "so no bid could be made for it; plan earlier"
            for product in self.markets.capacity
            if product.gate.order <= self.timetable.first_plan.order
        ]
        markets = ["day-ahead", *(product.name for product in self.markets.capacity)]
        faults += [
            f"feeds: {feed.name} is for awards of {feed.market!r}, which is not a market; {meant(feed.market, markets)}"
            for feed in self.feeds
            if isinstance(feed, RecordFeed) and feed.market is not None and feed.market not in markets
        ]
        faults += self._bid_faults(markets)
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _bid_faults(self, markets: Collection[str]) -> Iterator[str]:
        """Yield channels of markets that there are not, and bids that would leave before there is a plan."""
        for channel in self.bids.channels:
            for market in channel.markets:
                if market not in markets:
                    of = f"bids: {channel.name} takes bids on {market!r}"
                    yield f"{of}, which is not a market; {meant(market, markets)}"
            if channel.name in markets:
                yield f"bids: channel {channel.name} has the name of a market, which alarms tell apart by it; rename it"
        plan, gates = self.timetable.first_plan, {"day-ahead": self.timetable.day_ahead_gate}
        gates |= {product.name: product.gate for product in self.markets.capacity}
        for market, gate in gates.items():
            if self.bids.channels_of(market) and self.bids.last_safe_s >= plan.seconds_until(gate):
                yield (
                    f"bids.last_safe_s ({self.bids.last_safe_s:g}) reaches back to before timetable.first_plan "
                    f"({plan.at:%H:%M}), so there would be no plan to make a bid on {market} of; make it smaller"
                )


def _unknown_participants(settings: Settings) -> list[str]:
    if settings.discovery.enabled:
        return []
    return [
        f"participants: {p.domain} ({p.role}) has no {name}; add it, or set discovery.enabled to find it in the DNS"
        for p in settings.participants
        for name in ("endpoint", "public_keys")
        if not getattr(p, name)
    ]


def _operators_elsewhere(settings: Settings) -> list[str]:
    """Return operators of GOPACS that are participants of their own as well."""
    if settings.gopacs is None:
        return []
    known = {p.domain for p in settings.participants if p.role == "DSO"}
    return [
        f"gopacs: operator {name} is a DSO in participants, too; a domain is reached one way only, so keep one"
        for name in settings.gopacs.operators
        if name in known
    ]


def _twice(key: str, names: list[str]) -> list[str]:
    return [f"{key}: {name} is given twice; keep one" for name in sorted({n for n in names if names.count(n) > 1})]
