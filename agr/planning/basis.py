"""Names the inputs of a plan, so that a plan made from the same inputs need not be made again."""

from datetime import datetime
from hashlib import sha256

from agr.domain.isp import Period
from agr.planning.ports import PlanningSettings, PlanReader


def basis_of(reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime) -> str:
    """Return a text that identifies the inputs of a plan made now, except reservations and what was announced."""
    gate = now >= dict(settings.timetable.moments(period))["day_ahead_gate"]
    earlier = reader.number_in_force(period.previous().day)
    chosen: tuple[object, ...] = (
        settings.markets.model_dump_json(),
        settings.planning.model_dump_json(exclude={"failed_cases_folder", "failed_cases_kept"}),
        settings.time_zone,
        settings.isp_minutes,
    )
    alone = tuple((brp.name, brp.balance) for brp in settings.brps)
    if any(balance == "itself" for _, balance in alone):
        chosen = (*chosen, repr(alone))
    digest = sha256(repr(chosen).encode()).hexdigest()[:16]
    return f"{reader.input_version()} {earlier} {gate} {digest}"


def plan_before(basis: str) -> int | None:
    """Return the number of the previous Period's plan from which a plan with this basis began."""
    _, earlier, *_ = basis.split()
    return None if earlier == str(None) else int(earlier)


def followed(reader: PlanReader, period: Period) -> bool:
    """Say whether the Period after this one has a plan in force."""
    return reader.number_in_force(period.next().day) is not None
