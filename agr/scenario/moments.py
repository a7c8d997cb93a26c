"""What happens on a scenario's market day, and when: first plan, gates, results, publication, events."""

from collections.abc import Callable
from datetime import datetime

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.plan import Reason, ReasonKind
from agr.domain.price import values_on
from agr.planning.gates import bid_at_gate, day_ahead_at_gate
from agr.planning.memory_plans import MemoryPlans
from agr.scenario.course import ScenarioEvent, course_of
from agr.scenario.description import DsoRequest
from agr.scenario.own_forecasts import arrivals, forecast_prices, published
from agr.scenario.scenario import Scenario


def events_of_day(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return the moments of a Period in order of time; a gate closes before other moments at the same instant."""
    found = [
        *_known(scenario, period),
        *_gates(scenario, period),
        _publication(scenario, period),
        *_plans(scenario, period),
    ]
    return sorted([*found, *events_of(scenario, period), *course_of(scenario, period)], key=lambda moment: moment.at)


def _gates(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return the gates at which bids and the day-ahead position of the plan in force are fixed."""
    described = scenario.description

    def day_ahead(plans: MemoryPlans) -> None:
        plans.fix(period, DAY_AHEAD, day_ahead_at_gate(plans.in_force(period), period))

    def capacity(name: str, blocks: int) -> Callable[[MemoryPlans], None]:
        return lambda plans: plans.fix(period, name, bid_at_gate(plans.in_force(period), name, blocks))

    gate = dict(described.timetable.moments(period))["day_ahead_gate"]
    return [
        ScenarioEvent(at=gate, period=period, happen=day_ahead),
        *(
            ScenarioEvent(
                at=product.gate.gate(product.name).instant(period),
                period=period,
                happen=capacity(product.name, 24 // product.block_hours),
            )
            for product in described.markets.capacity
        ),
    ]


def _known(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return when prices that are forecast are published, and when charging sessions that nobody announced begin."""
    described, plans_again = scenario.description, scenario.description.planning.rolling.session_kwh
    begins = dict(described.timetable.moments(period))["first_plan"]  # earlier ones are known by then

    def publish(series: str) -> Callable[[MemoryPlans], None]:
        return lambda plans: plans.publish(series, period)

    found = [
        ScenarioEvent(at=published(scenario, series, period), period=period, happen=publish(series))
        for series in forecast_prices(scenario)
    ]
    kwh = {row.resource: row.energy_kwh for row in scenario.register.of(EvSession)}
    for name, at in arrivals(scenario).items():
        if not begins < at < period.end:
            continue
        asks = plans_again is not None and at >= period.start and kwh[name] >= plans_again
        found.append(ScenarioEvent(at=at, period=period, happen=_coming(name, period, at, asks=asks), asks=asks))
    return found


def _coming(name: str, period: Period, at: datetime, *, asks: bool) -> Callable[[MemoryPlans], None]:
    def happen(plans: MemoryPlans) -> None:
        plans.come(name)
        if asks:
            plans.ask(period, Reason(kind=ReasonKind.SESSION, reference=name, text=f"{name} has come"), at)

    return happen


def _publication(scenario: Scenario, period: Period) -> ScenarioEvent:
    at = dict(scenario.description.timetable.moments(period))["prognosis_last_safe_start"]
    return ScenarioEvent(at=at, period=period, happen=lambda plans: plans.open_publication(period))


def _plans(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return the moments of the timetable that ask for plans; without market results there is only the first plan."""
    at = dict(scenario.description.timetable.moments(period))
    found = [_asking(at["first_plan"], period, Reason(kind=ReasonKind.FIRST_PLAN))]
    results = values_on(scenario.register.prices, scenario.description.markets.day_ahead.series, period)
    if None not in results:
        reason = Reason(kind=ReasonKind.RESULTS, text="day-ahead results and awarded capacity")
        found.append(_asking(at["day_ahead_results"], period, reason))
    return found


def _asking(at: datetime, period: Period, reason: Reason) -> ScenarioEvent:
    return ScenarioEvent(at=at, period=period, happen=lambda plans: plans.ask(period, reason, at), asks=True)


def events_of(scenario: Scenario, period: Period) -> list[ScenarioEvent]:
    """Return releases of reservations and requests for flexibility. The first plan knows earlier releases, so these do
    not ask for a plan.
    """
    first_plan = dict(scenario.description.timetable.moments(period))["first_plan"]
    contracts = {contract.contract: contract for contract in scenario.register.contracts}
    found = []
    for event in scenario.description.events:
        if (event.period or scenario.description.period) != period.day:
            continue
        if isinstance(event, DsoRequest):
            asks = event.order_share > 0
            found.append(
                ScenarioEvent(at=event.at, period=period, happen=lambda _plans: None, asks=asks, request=event)
            )
            continue
        contract = contracts.get(event.contract)
        if contract is None:
            continue  # removed with --without
        kept_w = tuple(round(power * event.keep_share) for power in contract.contracted_w(period))
        text = f"{contract.dso}, contract {contract.contract}: {event.keep_share:.0%} still reserved"
        reason = Reason(kind=ReasonKind.RESERVATION, reference=contract.contract, text=text)
        asks = event.at >= first_plan
        release = _release(period, contract.contract, kept_w, event.at, reason if asks else None)
        found.append(ScenarioEvent(at=event.at, period=period, happen=release, asks=asks))
    return found


def _release(
    period: Period, contract: str, kept_w: tuple[int, ...], at: datetime, reason: Reason | None
) -> Callable[[MemoryPlans], None]:
    def happen(plans: MemoryPlans) -> None:
        plans.reserve(period, contract, kept_w)
        if reason is not None:
            plans.ask(period, reason, at)

    return happen
