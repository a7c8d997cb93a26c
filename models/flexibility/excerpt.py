"""What a plan of the whole portfolio says about some congestion points.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace
from typing import Any

from models.block import reserved_points
from models.case import Case, Headroom, Ints, Programs
from models.decomposition.reoptimise.subproblem import members
from models.markets.registry import MARKETS
from models.outcome import Outcome
from models.reserve_room import SIDES
from models.resources.registry import RESOURCES


def excerpt(case: Case, outcome: Outcome, points: Ints) -> Outcome:
    """Return the outcome with the units and rows of congestion points (n,) only.

    Their order is that of models.part.subproblem. Positions, bids and money stay those of the whole portfolio.
    """
    units = members(case, points)
    called = outcome.called if reserved_points(case)[points].any() else None

    def programs(of: Programs) -> Programs:
        return Programs(**{name: of.of([name], units[one.name])[name] for one in RESOURCES for name in one.fields})

    def headroom(of: Headroom) -> Headroom:
        return Headroom.by_class(
            {(one.name, side): of.of(one.name, side)[:, units[one.name]]
             for one in RESOURCES if one.reserving is not None for side in SIDES}
        )  # fmt: skip

    here, prices = dict[str, Any](), dict[str, Any]()
    for table in (table for market in MARKETS for table in market.placed):
        rows = table.at(case, points)
        here |= {name: getattr(outcome, name)[rows] for name in table.values}
        prices |= {name: getattr(outcome.shadow, name)[rows] for name in table.prices}
    return replace(
        outcome,
        programs=programs(outcome.programs),
        called=None if called is None else programs(called),
        headroom=headroom(outcome.headroom),
        called_headroom=None
        if called is None or outcome.called_headroom is None
        else headroom(outcome.called_headroom),
        point_kw=outcome.point_kw[points],
        shadow=replace(outcome.shadow, **prices),
        **here,
    )
