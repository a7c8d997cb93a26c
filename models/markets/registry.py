"""The markets and obligations that couple units: the one place where they are registered.

To add a market (a worked example: docs/how-to/add-a-market.md):

1. `models/markets/NAME/`: `arrays.py` (a dataclass with `check`), `block.py` (its variables and rows in the reference,
   and how they are read), `costs.py` (what finished programs cost there, and its coupling cost for the decomposition).
   They know Case, and no other market. A market whose cost is no sum over ISPs says so, `whole_only`: cases with it
   are planned by the reference formulation. Only such a market needs nothing more in the mathematics: those that the
   decomposition plans are named one by one where it cuts cases and finds positions (the page lists these files).
2. `models/case.py`: a field with its parameters, with no such market as its default. Where its positions are more than
   what follows from programs, fields of ProgramValues and Outcome in `models/outcome.py`.
3. Here: a Market. See models.markets.protocols for what each entry means and what may be left out.
4. `models/audit/markets/`: a module that checks it from the formulation alone, and a line of its registry.
5. A test and a section of docs/reference/formulation.md.
"""

from models.markets.announced import costs as announced
from models.markets.announced.block import stay_near
from models.markets.balancing_capacity import costs as balancing_capacity
from models.markets.balancing_capacity.block import hold_reserves
from models.markets.day_ahead import costs as day_ahead
from models.markets.day_ahead.block import trade_day_ahead
from models.markets.imbalance import costs as imbalance
from models.markets.imbalance.block import close_balance
from models.markets.intraday import costs as intraday
from models.markets.intraday.block import trade_intraday
from models.markets.limits import costs as limits
from models.markets.limits.block import limit_congestion
from models.markets.protocols import Market
from models.markets.reservations import costs as reservations
from models.markets.reservations.block import cover_reservations

DAY_AHEAD = Market(name="day_ahead", state=trade_day_ahead, portfolio_eur=day_ahead.portfolio_eur)

INTRADAY = Market(name="intraday", state=trade_intraday, portfolio_eur=intraday.portfolio_eur)

IMBALANCE = Market(
    name="imbalance", state=close_balance, portfolio_eur=imbalance.portfolio_eur, balance=imbalance.balance
)

LIMITS = Market(
    name="limits",
    state=limit_congestion,
    placed_eur=limits.placed_eur,
    settled=limits.settled,
    priced_points=limits.priced_points,
    programs=limits.programs,
)

RESERVATIONS = Market(
    name="reservations",
    state=cover_reservations,
    placed_eur=reservations.placed_eur,
    priced_points=reservations.priced_points,
    calls=reservations.calls,
)

BALANCING_CAPACITY = Market(
    name="balancing_capacity",
    state=hold_reserves,
    portfolio_eur=balancing_capacity.portfolio_eur,
    reserve=balancing_capacity.reserve,
    shortfalls=balancing_capacity.shortfalls,
)

ANNOUNCED = Market(
    name="announced",
    state=stay_near,
    placed_eur=announced.placed_eur,
    priced_points=announced.priced_points,
    programs=announced.programs,
)

MARKETS: tuple[Market, ...] = (
    DAY_AHEAD, INTRADAY, IMBALANCE, LIMITS, RESERVATIONS, BALANCING_CAPACITY, ANNOUNCED,
)  # fmt: skip
"""Every market, in the order in which they are stated and added up. Those with positions come before IMBALANCE, which
closes the balance with what they deliver."""
