"""The programs behind an offer of flexibility: kept with it, and in force at once when it is ordered.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import dataclass, field, replace
from math import nan

from agr.domain.errors import StoreError
from agr.planning import serialisation
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.in_force import part_in_force
from agr.planning.plan_loader import places
from agr.planning.solving import Solution
from models.case import Case
from models.errors import ModelError
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class OfferedPrograms:
    """The audited program of each option of an offer."""

    options: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    units: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → the resources whose programs these are, in order; empty in archives written before this was recorded"""
    products: tuple[str, ...] = ()
    """The balancing products whose reserve the programs hold, in order; empty in the same archives"""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What the programs of an offer belong to."""

    units: dict[str, tuple[str, ...]]  # class → resources of the congestion point whose programs are planned
    products: tuple[str, ...]  # of balancing capacity


NOTHING_BEHIND = Behind(units={}, products=())


def packed(options: tuple[str, ...], outcomes: tuple[Outcome, ...], behind: Behind = NOTHING_BEHIND) -> bytes:
    """Return the archive of an offer's programs."""
    bare = tuple(replace(outcome, log=(), duals=None, seconds={}) for outcome in outcomes)
    return serialisation.pack(
        OfferedPrograms(options=options, outcomes=bare, units=behind.units, products=behind.products)
    )


def behind_offers(named: NamedCase, address: str) -> Behind:
    """Return what offers of a congestion point belong to, in the order of its part."""
    from models.part import members, programmed

    here = members(named.case, places(named, (address,)))
    units = {name: tuple(named.of(name)[unit] for unit in here[name].tolist()) for name in programmed()}
    return Behind(units=units, products=tuple(reserve.name for reserve in named.case.reserves))


def offered_programs(archive: bytes) -> OfferedPrograms | None:
    """Return the programs of an archive; None where there is none, or it is no such archive: then a plan is made."""
    if not archive:
        return None
    try:
        return serialisation.unpack(OfferedPrograms, archive)
    except StoreError:
        return None


def as_ordered(
    whole: Solved, was: Case, part: NamedCase, stored: OfferedPrograms, option: str, factor: float
) -> Solution | None:  # fmt: skip
    """Return the ordered program of a congestion point with all that follows from it.

    `part` is its case with the order, `whole` the plan in force, `was` the case of the point in that. No solver is
    asked, but the audit is. None where it must be planned instead: the program cannot be run, or would miss the order,
    or more of anything else than now.
    """
    if option not in stored.options:
        return None
    # Imported here: the models take seconds, which the endpoint should not wait for.
    from models.audit import audit
    from models.flexibility.excerpt import excerpt
    from models.flexibility.ordering import ordered
    from models.flexibility.put_in import misses_more

    try:
        planned = excerpt(whole.named.case, whole.outcome, places(whole.named, part.case.points))
        outcome = ordered(part.case, planned, stored.outcomes[stored.options.index(option)], factor, was)
    except ModelError:
        return None  # its units have changed by now: the point is planned again
    findings = audit(part.case, outcome)
    short_kw = float(outcome.order_shortfall_kw.max(initial=0.0))
    kept = part_in_force(whole, part, outcome)
    if findings or short_kw > SHORT_KW or kept is None or misses_more(part.case, kept, outcome):
        return None
    return Solution(outcome=outcome, findings=(), no_flexibility_eur=nan, dual_slack_eur=0.0)


SHORT_KW = 1e-3
"""If the program bought by an order misses the order by more than this, in kW, something has changed since the offer,
and the program is not used."""
